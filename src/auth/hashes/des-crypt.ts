// The hashes of crypt(3) that rest on DES: the first one, Digital UNIX's for longer passwords (bigcrypt), and BSDi's.
import { decodeNumber, encodeBigEndian } from './crypt64.ts'
import { encrypt, keySchedule, type Block } from './des.ts'
import { roundsTraits, type HashKind } from './hash-kind.ts'

const ZERO: Block = [0, 0]
const ROUNDS = 25
const SEGMENT_CHARACTERS = 11
const MAX_SEGMENTS = 16
const MOST_BSDI_ROUNDS = 1_000_000

export const DES_CRYPT: HashKind = {
  name: 'DES crypt',
  pattern: /^[./A-Za-z0-9]{13}$/,
  traits: () => ({
    cost: '25 rounds',
    weakness: 'DES is too quick, and only the first 8 bytes of the password count',
  }),
  compute: (password, hash) => hash.slice(0, 2) + segment(password, hash.slice(0, 2)),
}

/** Each eight bytes have a hash of their own, which salts the next one. */
export const BIGCRYPT: HashKind = {
  name: 'bigcrypt',
  pattern: /^[./A-Za-z0-9]{2}(?:[./A-Za-z0-9]{11}){2,16}$/,
  traits: () => ({ cost: '25 rounds', weakness: 'DES is too quick' }),
  compute(password, hash) {
    let [salt, text] = [hash.slice(0, 2), hash.slice(0, 2)]
    const segments = Math.min(MAX_SEGMENTS, Math.max(1, Math.ceil(password.length / 8)))
    for (let index = 0; index < segments; index++) {
      text += segment(password.subarray(8 * index), salt)
      salt = text.slice(-SEGMENT_CHARACTERS).slice(0, 2)
    }
    return text
  },
}

/** `_`, the number of rounds and the salt, four characters each: the password may have any length. */
export const BSDI_CRYPT: HashKind = {
  name: 'BSDi crypt',
  pattern: /^_[./A-Za-z0-9]{19}$/,
  traits: (hash) => ({
    ...roundsTraits(bsdiRounds(hash), { few: 0, most: MOST_BSDI_ROUNDS }),
    weakness: 'DES is too quick',
  }),
  compute(password, hash) {
    let key = keyOf(password)
    for (let start = 8; start < password.length; start += 8) {
      const [high, low] = encrypt(key, keySchedule(key), 0, 1)
      const [nextHigh, nextLow] = keyOf(password.subarray(start))
      key = [high ^ nextHigh, low ^ nextLow]
    }
    const salt = decodeNumber(hash.slice(5, 9)) ?? 0
    return hash.slice(0, 9) + encodeBigEndian(...encrypt(ZERO, keySchedule(key), salt, bsdiRounds(hash)))
  },
}

function bsdiRounds(hash: string): number {
  // As in libxcrypt, none is one.
  return decodeNumber(hash.slice(1, 5)) || 1
}

function segment(password: Buffer, salt: string): string {
  return encodeBigEndian(...encrypt(ZERO, keySchedule(keyOf(password)), decodeNumber(salt) ?? 0, ROUNDS))
}

/** The lower seven bits of each of the first eight bytes. */
function keyOf(password: Buffer): Block {
  const key = Buffer.alloc(8)
  for (let index = 0; index < 8; index++) key[index] = (password[index] ?? 0) << 1
  return [key.readUInt32BE(0), key.readUInt32BE(4)]
}
