// Apache's MD5 password hash, `$apr1$salt$digest`: a thousand rounds over the password's bytes (apr_md5_encode).
import { hash as digestOf, timingSafeEqual } from 'node:crypto'

const ROUNDS = 1000
const MAX_SALT_LENGTH = 8
const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** The bytes of the digest in the order in which they are written, three to four characters. */
const WRITTEN_ORDER = [
  [0, 6, 12],
  [1, 7, 13],
  [2, 8, 14],
  [3, 9, 15],
  [4, 10, 5],
] as const

/** Whether the password is the one that was hashed. Takes about 2 ms of the calling thread. */
export function verifyApr1(password: string, hash: string): boolean {
  const salt = hash.split('$')[2] ?? ''
  const expected = Buffer.from(hash)
  const actual = Buffer.from(hashApr1(password, salt))
  return actual.length === expected.length && timingSafeEqual(actual, expected)
}

/** The hash of a password; of the salt the first eight characters count. */
export function hashApr1(password: string, salt: string): string {
  const key = Buffer.from(password)
  const shortSalt = salt.slice(0, MAX_SALT_LENGTH)
  const saltBytes = Buffer.from(shortSalt)
  let digest = md5(firstMessage(key, saltBytes))
  for (let round = 0; round < ROUNDS; round++) {
    const parts = [round % 2 === 1 ? key : digest]
    if (round % 3 !== 0) parts.push(saltBytes)
    if (round % 7 !== 0) parts.push(key)
    parts.push(round % 2 === 1 ? digest : key)
    digest = md5(Buffer.concat(parts))
  }
  return `$apr1$${shortSalt}$${encode(digest)}`
}

function firstMessage(key: Buffer, salt: Buffer): Buffer {
  const inner = md5(Buffer.concat([key, salt, key]))
  const stretched = Buffer.alloc(key.length, inner)
  // One byte for every bit of the key's length: the algorithm's own oddity.
  const bits: number[] = []
  for (let length = key.length; length > 0; length >>= 1) bits.push(length & 1 ? 0 : (key[0] ?? 0))
  return Buffer.concat([key, Buffer.from('$apr1$'), salt, stretched, Buffer.from(bits)])
}

function encode(digest: Buffer): string {
  const byteAt = (index: number): number => digest[index] ?? 0
  const groups = WRITTEN_ORDER.map(([high, middle, low]) =>
    toBase64((byteAt(high) << 16) | (byteAt(middle) << 8) | byteAt(low), 4),
  )
  return groups.join('') + toBase64(byteAt(11), 2)
}

/** The lowest six bits first. */
function toBase64(value: number, length: number): string {
  return Array.from({ length }, (_, index) => ALPHABET[(value >> (6 * index)) & 63]).join('')
}

function md5(message: Buffer): Buffer {
  return digestOf('md5', message, 'buffer')
}
