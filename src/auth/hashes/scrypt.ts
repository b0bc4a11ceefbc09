// `$7$`, scrypt (RFC 7914) as libxcrypt writes it.
import { scryptSync } from 'node:crypto'
import { decodeNumber, encodeBytes } from './crypt64.ts'
import { memoryTraits, type HashKind } from './hash-kind.ts'

const KEY_BYTES = 32

export interface ScryptCosts {
  readonly N: number
  readonly r: number
  readonly p: number
}

export const SCRYPT: HashKind = {
  name: 'scrypt',
  pattern: /^\$7\$[./A-Za-z0-9]{11}[./A-Za-z0-9$]*\$[./A-Za-z0-9]{43}$/,
  traits(hash) {
    const { N, r, p } = costsOf(hash)
    if (N < 4 || r * p < 1 || r * p >= 2 ** 30)
      return { cost: 'none', excess: 'its parameters make no sense' }
    return memoryTraits({ bytes: 128 * r * N, passes: 2 * p })
  },
  compute(password, hash) {
    // The salt is taken as it stands, not decoded.
    const setting = hash.slice(0, hash.lastIndexOf('$'))
    const key = scryptKey(password, Buffer.from(setting.slice(14)), costsOf(hash))
    return `${setting}$${encodeBytes(key)}`
  },
}

/** The limits of libxcrypt, and of RFC 7914 §2: N is lower than 2^(128 r / 8). */
export function isComputable({ N, r, p }: ScryptCosts): boolean {
  return N >= 4 && r * p >= 1 && r * p < 2 ** 30 && Math.log2(N) < 16 * r
}

/** 32 bytes. The caller has bounded the costs. */
export function scryptKey(password: Buffer, salt: Buffer, { N, r, p }: ScryptCosts): Buffer {
  return scryptSync(password, salt, KEY_BYTES, { N, r, p, maxmem: 128 * r * (N + p + 4) })
}

function costsOf(hash: string): ScryptCosts {
  const numberAt = (start: number, end: number): number => decodeNumber(hash.slice(start, end)) ?? 0
  return { N: 2 ** numberAt(3, 4), r: numberAt(4, 9), p: numberAt(9, 14) }
}
