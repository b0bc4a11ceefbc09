// `$1$` of the BSDs (md5crypt) and `$apr1$` of Apache: a thousand rounds of MD5, under two names.
import { hash as digestOf } from 'node:crypto'
import { encodeGroups } from './crypt64.ts'
import type { HashKind } from './hash-kind.ts'

const ROUNDS = 1000
const MAX_SALT_LENGTH = 8
const TRAITS = { cost: '1000 rounds', weakness: 'MD5 is too quick' }
/** The order in which the bytes of the digest are written; sunmd5 has it too. */
export const MD5_ORDER = [[0, 6, 12], [1, 7, 13], [2, 8, 14], [3, 9, 15], [4, 10, 5], [11]] as const

/** As nginx computes it itself. */
export const APR1: HashKind = {
  name: 'apr1',
  pattern: /^\$apr1\$[^$]{0,8}\$[./A-Za-z0-9]{22}$/,
  traits: () => TRAITS,
  compute: (password, hash) => md5Crypt('$apr1$', password, hash.split('$')[2] ?? ''),
}

/** As crypt(3) computes it, which takes printable salts alone. */
export const MD5_CRYPT: HashKind = {
  name: 'md5crypt',
  pattern: /^\$1\$["#%-)+-9<-[\]-~]{0,8}\$[./A-Za-z0-9]{22}$/,
  traits: () => TRAITS,
  compute: (password, hash) => md5Crypt('$1$', password, hash.split('$')[2] ?? ''),
}

/** The hash of a password; of the salt the first eight characters count. */
export function md5Crypt(magic: '$1$' | '$apr1$', password: Buffer, salt: string): string {
  const shortSalt = salt.slice(0, MAX_SALT_LENGTH)
  const saltBytes = Buffer.from(shortSalt)
  let digest = md5(firstMessage(magic, password, saltBytes))
  for (let round = 0; round < ROUNDS; round++) {
    const parts = [round % 2 === 1 ? password : digest]
    if (round % 3 !== 0) parts.push(saltBytes)
    if (round % 7 !== 0) parts.push(password)
    parts.push(round % 2 === 1 ? digest : password)
    digest = md5(Buffer.concat(parts))
  }
  return `${magic}${shortSalt}$${encodeGroups(digest, MD5_ORDER)}`
}

function firstMessage(magic: string, password: Buffer, salt: Buffer): Buffer {
  const inner = md5(Buffer.concat([password, salt, password]))
  const stretched = Buffer.alloc(password.length, inner)
  // One byte for every bit of the password's length: the algorithm's own oddity.
  const bits: number[] = []
  for (let length = password.length; length > 0; length >>= 1) bits.push(length & 1 ? 0 : (password[0] ?? 0))
  return Buffer.concat([password, Buffer.from(magic), salt, stretched, Buffer.from(bits)])
}

function md5(message: Buffer): Buffer {
  return digestOf('md5', message, 'buffer')
}
