// `$5$` and `$6$`: rounds of SHA-256 and SHA-512 (Drepper, "Unix crypt using SHA-256 and SHA-512").
import { hash as digestOf } from 'node:crypto'
import { encodeGroups } from './crypt64.ts'
import { roundsTraits, type HashKind } from './hash-kind.ts'

const DEFAULT_ROUNDS = 5000
const MIN_ROUNDS = 1000
const MOST_ROUNDS = 2_000_000

interface Variant {
  readonly magic: '$5$' | '$6$'
  readonly algorithm: 'sha256' | 'sha512'
  readonly order: readonly (readonly number[])[]
}

const SHA256: Variant = { magic: '$5$', algorithm: 'sha256', order: order(10, [0, 2, 1], [31, 30]) }
const SHA512: Variant = { magic: '$6$', algorithm: 'sha512', order: order(21, [0, 1, 2], [63]) }

export const SHA256_CRYPT: HashKind = {
  name: 'sha256crypt',
  pattern: /^\$5\$(?:rounds=[1-9][0-9]{3,8}\$)?["#%-)+-9<-[\]-~]{0,16}\$[./A-Za-z0-9]{43}$/,
  traits,
  compute: (password, hash) => shaCrypt(SHA256, password, hash),
}

export const SHA512_CRYPT: HashKind = {
  name: 'sha512crypt',
  pattern: /^\$6\$(?:rounds=[1-9][0-9]{3,8}\$)?["#%-)+-9<-[\]-~]{0,16}\$[./A-Za-z0-9]{86}$/,
  traits,
  compute: (password, hash) => shaCrypt(SHA512, password, hash),
}

function traits(hash: string) {
  return roundsTraits(roundsOf(hash) ?? DEFAULT_ROUNDS, { few: DEFAULT_ROUNDS, most: MOST_ROUNDS })
}

function roundsOf(hash: string): number | undefined {
  const rounds = /^\$.\$rounds=([0-9]+)\$/.exec(hash)?.[1]
  return rounds === undefined ? undefined : Number(rounds)
}

function shaCrypt(
  { magic, algorithm, order: written }: Variant,
  password: Buffer,
  hash: string,
): string | undefined {
  const asked = roundsOf(hash)
  const rounds = asked ?? DEFAULT_ROUNDS
  if (rounds < MIN_ROUNDS) return undefined
  const salt = hash.split('$').at(-2) ?? ''
  const sha = (message: Buffer): Buffer => digestOf(algorithm, message, 'buffer')
  const first = firstDigest(password, Buffer.from(salt), sha)
  const passwords = Buffer.alloc(password.length, sha(repeated(password, password.length)))
  const salts = Buffer.alloc(salt.length, sha(repeated(Buffer.from(salt), 16 + (first[0] ?? 0))))
  const digest = stretch(first, { passwords, salts, rounds, sha })
  const middle = asked === undefined ? '' : `rounds=${asked}$`
  return `${magic}${middle}${salt}$${encodeGroups(digest, written)}`
}

function firstDigest(password: Buffer, salt: Buffer, sha: (message: Buffer) => Buffer): Buffer {
  const other = sha(Buffer.concat([password, salt, password]))
  const parts = [password, salt, Buffer.alloc(password.length, other)]
  for (let length = password.length; length > 0; length >>= 1) parts.push(length & 1 ? other : password)
  return sha(Buffer.concat(parts))
}

interface Stretching {
  readonly passwords: Buffer
  readonly salts: Buffer
  readonly rounds: number
  readonly sha: (message: Buffer) => Buffer
}

function stretch(first: Buffer, { passwords, salts, rounds, sha }: Stretching): Buffer {
  const scratch = Buffer.alloc(first.length + 2 * passwords.length + salts.length)
  let digest = first
  for (let round = 0; round < rounds; round++) {
    const isOdd = round % 2 === 1
    let end = (isOdd ? passwords : digest).copy(scratch)
    if (round % 3 !== 0) end += salts.copy(scratch, end)
    if (round % 7 !== 0) end += passwords.copy(scratch, end)
    end += (isOdd ? digest : passwords).copy(scratch, end)
    digest = sha(scratch.subarray(0, end))
  }
  return digest
}

function repeated(bytes: Buffer, times: number): Buffer {
  return Buffer.concat(Array.from({ length: times }, () => bytes))
}

/** Bytes that are a third of the digest apart stand together, each time begun with another of the three. */
function order(
  third: number,
  firsts: readonly [number, number, number],
  last: readonly number[],
): number[][] {
  const groups = Array.from({ length: third }, (_, index) => {
    const start = firsts[index % 3] ?? 0
    return [0, 1, 2].map((step) => index + third * ((start + step) % 3))
  })
  return [...groups, [...last]]
}
