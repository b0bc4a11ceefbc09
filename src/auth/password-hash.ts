// The kinds of password hashes that can be verified, and where each is computed: never on the event loop.
import { compare } from 'bcrypt'
import type { HashThread } from './hash-thread.ts'

interface HashKind {
  readonly pattern: RegExp
  /** Hashes of one class take equally long to verify. */
  costClass(hash: string): string
  verify(password: string, hash: string, thread: HashThread): Promise<boolean>
}

const BCRYPT: HashKind = {
  pattern: /^\$2[aby]\$(?:0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}$/,
  costClass: (hash) => `bcrypt ${hash.slice(4, 6)}`,
  // htpasswd writes `$2y$`, the same algorithm as `$2b$`, and the library knows only the latter name. It computes on
  // libuv's thread pool.
  verify: (password, hash) => compare(password, `$2b$${hash.slice(4)}`),
}

const APR1: HashKind = {
  pattern: /^\$apr1\$[^$]{0,8}\$[./A-Za-z0-9]{22}$/,
  costClass: () => 'apr1',
  verify: (password, hash, thread) => thread.verify('apr1', password, hash),
}

const KINDS: readonly HashKind[] = [BCRYPT, APR1]

/** What a verification of the hash costs, as a name that hashes of the same cost share; undefined for unsupported kinds. */
export function costClassOf(hash: string): string | undefined {
  return kindOf(hash)?.costClass(hash)
}

/** Whether the password is the hashed one; never for a hash of an unsupported kind. */
export async function verifyPassword(password: string, hash: string, thread: HashThread): Promise<boolean> {
  return (await kindOf(hash)?.verify(password, hash, thread)) ?? false
}

function kindOf(hash: string): HashKind | undefined {
  return KINDS.find(({ pattern }) => pattern.test(hash))
}
