// One canonical repository name for every way in which clients spell it: by host, by `?ns=`, by a prefix.
import { RegistryError } from '../oci/error.ts'
import { hostNameOf } from '../oci/host-name.ts'
import { parseRepositoryName, type RepositoryName } from '../oci/repository-name.ts'

/** Docker Hub's official images live here; dockerd and people leave it out. */
const DOCKER_HUB = 'docker.io'
const OFFICIAL = 'library'

export interface NamingOptions {
  /** The namespaces of upstreams: `docker.io`, `ghcr.io`. */
  readonly namespaces: readonly string[]
  /** By host name in lower case, without port: the namespace of names that carry none. */
  readonly defaultNamespaces: ReadonlyMap<string, string>
}

export interface NameQuestion {
  /** As it stands in the path or in a token's scope. */
  readonly name: string
  /** The `Host` header. */
  readonly host: string | undefined
  /** Every value of the `ns` query parameter (distribution-spec "Registry Proxying"). */
  readonly ns?: readonly string[]
  /** The namespace that stands before `/v2/` in the path: dockerd puts a mirror's own path there. */
  readonly prefix?: string | undefined
}

export interface Naming {
  /**
   * The name that grants, routes, tokens and logs know. Throws `NAME_INVALID` (400) for a malformed name or a
   * repeated `ns`, `NAME_UNKNOWN` (404) for an `ns` that is not mirrored here, so that clients fall back.
   */
  canonical(question: NameQuestion): RepositoryName
  /** What names stand in that are asked of a host without a namespace of their own. */
  defaultNamespaceAt(host: string | undefined): string | undefined
  /** Whether an upstream is called so. */
  isNamespace(text: string): boolean
}

export function createNaming({ namespaces, defaultNamespaces }: NamingOptions): Naming {
  const known = new Set(namespaces)
  return {
    canonical({ name, host, ns = [], prefix }) {
      const repository = parseRepositoryName(name)
      if (!repository) throw invalidName(name)
      const asked = ns.length > 0 ? onlyNamespace(ns, known, prefix) : prefix
      const first = repository.slice(0, Math.max(0, repository.indexOf('/')))
      if (asked === undefined && known.has(first)) return withOfficial(repository)
      const namespace = asked ?? defaultNamespaceOf(host, defaultNamespaces)
      return namespace === undefined ? repository : withOfficial(inNamespace(namespace, repository))
    },
    defaultNamespaceAt: (host) => defaultNamespaceOf(host, defaultNamespaces),
    isNamespace: (text) => known.has(text),
  }
}

function onlyNamespace(
  ns: readonly string[],
  known: ReadonlySet<string>,
  prefix: string | undefined,
): string {
  const [namespace = '', ...more] = ns
  if (more.length > 0)
    throw new RegistryError('NAME_INVALID', 'the query parameter "ns" was given more than once')
  if (!known.has(namespace) || (prefix !== undefined && prefix !== namespace))
    throw new RegistryError('NAME_UNKNOWN', 'this namespace is not mirrored here')
  return namespace
}

function defaultNamespaceOf(
  host: string | undefined,
  namespaces: ReadonlyMap<string, string>,
): string | undefined {
  if (host === undefined || namespaces.size === 0) return undefined
  return namespaces.get(hostNameOf(host))
}

/** A name that carries its namespace already stays as it is: so BuildKit asks, and scopes of tokens are written so. */
function inNamespace(namespace: string, repository: RepositoryName): RepositoryName {
  if (repository.startsWith(`${namespace}/`)) return repository
  const full = parseRepositoryName(`${namespace}/${repository}`)
  if (!full) throw invalidName(repository)
  return full
}

function withOfficial(repository: RepositoryName): RepositoryName {
  const [namespace, first, ...rest] = repository.split('/')
  if (namespace !== DOCKER_HUB || first === undefined || rest.length > 0) return repository
  return inNamespace(`${DOCKER_HUB}/${OFFICIAL}`, first as RepositoryName) // a component of a name is a name
}

function invalidName(name: string): RegistryError {
  return new RegistryError('NAME_INVALID', 'the repository name is malformed or too long', {
    detail: { name: name.slice(0, 300) },
  })
}
