// What can be told of a password hash without a password.
import { HASH_KINDS } from './hashes/kinds.ts'

/** What a password hash in a file is good for. */
export interface HashReport {
  /** A name that hashes of the same kind and cost share; undefined when no password is right. */
  readonly costClass?: string
  /** Why no password is right. */
  readonly problem?: string
  /** Why it should be replaced. */
  readonly weakness?: string
}

/** Texts never hold the hash. */
export function inspectHash(hash: string): HashReport {
  const kind = HASH_KINDS.find(({ pattern }) => pattern.test(hash))
  if (!kind) return { problem: 'the password hash is of an unsupported kind' }
  const { cost, weakness, excess } = kind.traits(hash)
  if (excess !== undefined) return { problem: `the password hash is too costly (${kind.name}): ${excess}` }
  const report = { costClass: `${kind.name}, ${cost}` }
  return weakness === undefined ? report : { ...report, weakness: `${kind.name}: ${weakness}` }
}

/** What a verification of the hash costs; see {@link HashReport.costClass}. */
export function costClassOf(hash: string): string | undefined {
  return inspectHash(hash).costClass
}
