// A repository's name on the way upstream and back: the front part that routes it may be called otherwise there.
import { RegistryError } from '../oci/error.ts'
import { parseRepositoryName, type RepositoryName } from '../oci/repository-name.ts'

/** A name that begins with `from` here begins with `to` upstream: `docker.io/` and nothing for a mirror of Docker Hub. */
export interface NameRewrite {
  readonly from: string
  readonly to: string
}

/** Rejects with `NAME_UNKNOWN` what has no name upstream. */
export function upstreamName(repository: RepositoryName, rewrite: NameRewrite | undefined): RepositoryName {
  if (rewrite === undefined) return repository
  const name = repository.startsWith(rewrite.from)
    ? parseRepositoryName(rewrite.to + repository.slice(rewrite.from.length))
    : undefined
  if (name === undefined)
    throw new RegistryError('NAME_UNKNOWN', 'the upstream registry has no such repository')
  return name
}

/** The name here of an upstream's repository; undefined when it has none. */
export function canonicalName(
  name: RepositoryName,
  rewrite: NameRewrite | undefined,
): RepositoryName | undefined {
  if (rewrite === undefined) return name
  return name.startsWith(rewrite.to)
    ? parseRepositoryName(rewrite.from + name.slice(rewrite.to.length))
    : undefined
}
