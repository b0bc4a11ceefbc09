// Every kind of password hash there is here.
import { ARGON2ID } from './argon2.ts'
import { BCRYPT } from './bcrypt.ts'
import { BIGCRYPT, BSDI_CRYPT, DES_CRYPT } from './des-crypt.ts'
import { GOST_YESCRYPT } from './gost-yescrypt.ts'
import { isSame, type HashKind } from './hash-kind.ts'
import { APR1, MD5_CRYPT } from './md5-crypt.ts'
import { PLAIN, SHA, SSHA } from './nginx-schemes.ts'
import { NT_HASH } from './nt-hash.ts'
import { SCRYPT } from './scrypt.ts'
import { SHA256_CRYPT, SHA512_CRYPT } from './sha-crypt.ts'
import { SHA1_CRYPT } from './sha1-crypt.ts'
import { SUN_MD5 } from './sun-md5.ts'
import { YESCRYPT } from './yescrypt.ts'

/** What nginx with libxcrypt takes, and argon2id. */
export const HASH_KINDS: readonly HashKind[] = [
  BCRYPT,
  YESCRYPT,
  GOST_YESCRYPT,
  SCRYPT,
  ARGON2ID,
  SHA512_CRYPT,
  SHA256_CRYPT,
  SHA1_CRYPT,
  APR1,
  MD5_CRYPT,
  SUN_MD5,
  NT_HASH,
  PLAIN,
  SHA,
  SSHA,
  BSDI_CRYPT,
  DES_CRYPT,
  BIGCRYPT,
]

/** Whether the password is the hashed one. Takes the calling thread for up to seconds. */
export function matchesHash(password: string, hash: string): boolean {
  const kind = HASH_KINDS.find(({ pattern }) => pattern.test(hash))
  const computed = kind?.compute(Buffer.from(password), hash)
  return computed !== undefined && isSame(computed, hash)
}
