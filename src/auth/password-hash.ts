// The kinds of password hashes that can be verified, and where each is computed: never on the event loop.
import { BCRYPT } from './hashes/bcrypt.ts'
import type { HashKind } from './hashes/hash-kind.ts'
import { THREAD_KINDS } from './hashes/kinds.ts'
import type { HashThread } from './hash-thread.ts'

const KINDS: readonly HashKind[] = [BCRYPT, ...THREAD_KINDS]
/** libxcrypt takes no longer passwords, so that nginx says no to them. */
const MAX_PASSWORD_BYTES = 511

/** What a password hash in a file is good for. */
export interface HashReport {
  /** A name that hashes of the same kind and cost share; undefined when no password is right. */
  readonly costClass?: string
  /** Why no password is right. */
  readonly problem?: string
  /** Why it should be replaced. */
  readonly weakness?: string
}

/** What can be told of a hash without a password; texts never hold the hash. */
export function inspectHash(hash: string): HashReport {
  const kind = KINDS.find(({ pattern }) => pattern.test(hash))
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

/** Whether the password is the hashed one; never for a hash of an unsupported kind, or one that is too costly. */
export async function verifyPassword(password: string, hash: string, thread: HashThread): Promise<boolean> {
  const bytes = Buffer.from(password)
  if (bytes.length > MAX_PASSWORD_BYTES || costClassOf(hash) === undefined) return false
  return BCRYPT.pattern.test(hash) ? BCRYPT.verify(bytes, hash) : thread.verify(password, hash)
}
