// How `$y$` hashes write their costs (yescrypt's encoding of numbers: small ones are short).
import { decodeBytes, decodeNumber } from './crypt64.ts'
import { isComputable } from './scrypt.ts'

/** The only flavour of read and write that exists: six rounds of pwxform over tables of 12 KiB. */
const READ_WRITE_FLAVOR = 47
const CHARACTERS = './0-9A-Za-z'
const FORMAT = new RegExp(`^\\$y\\$([${CHARACTERS}]+)\\$([${CHARACTERS}]*)\\$[${CHARACTERS}]{43}$`)

export interface YescryptSetting {
  readonly flavor: 'scrypt' | 'read-only' | 'read-write'
  readonly N: number
  readonly r: number
  readonly p: number
  readonly t: number
  readonly salt: Buffer
}

/** Undefined for a hash that libxcrypt would not compute either: with a ROM, with upgrades, or with costs that make no sense. */
export function parseYescrypt(hash: string): YescryptSetting | undefined {
  const [, costs = '', saltText = ''] = FORMAT.exec(hash) ?? []
  const salt = decodeBytes(saltText)
  const numbers = numbersOf(costs)
  if (!salt || salt.length > 64 || !numbers) return undefined
  const [flavor, logN, r, ...optional] = numbers
  const extras = extrasOf(optional)
  const name = flavorOf(flavor)
  if (!name || !extras || logN === undefined || r === undefined || logN > 30) return undefined
  const setting = { flavor: name, N: 2 ** (logN + 1), r: r + 1, ...extras, salt }
  return isSound(setting) ? setting : undefined
}

function isSound(setting: YescryptSetting): boolean {
  const { flavor, N, r, p, t } = setting
  if (flavor === 'scrypt') return t === 0 && isComputable(setting)
  return N >= 4 && r * p < 2 ** 30 && (flavor === 'read-only' || Math.floor(N / p) > 3)
}

function flavorOf(flavor: number | undefined): YescryptSetting['flavor'] | undefined {
  if (flavor === 0) return 'scrypt'
  if (flavor === 1) return 'read-only'
  return flavor === READ_WRITE_FLAVOR ? 'read-write' : undefined
}

/** A set of bits says which numbers follow: p, t, and two that are not supported. */
function extrasOf([bits, ...values]: readonly number[]): { p: number; t: number } | undefined {
  const have = bits === undefined ? 0 : bits + 1
  if (have > 3) return undefined
  const p = have & 1 ? values.shift() : -1
  const t = have & 2 ? values.shift() : -1
  return p === undefined || t === undefined || values.length > 0 ? undefined : { p: p + 2, t: t + 1 }
}

/** How many characters a number has, and from which number on, is seen from its first one. */
function numbersOf(text: string): number[] | undefined {
  const numbers: number[] = []
  for (let at = 0; at < text.length;) {
    const number = numberAt(text, at)
    if (!number) return undefined
    numbers.push(number.value)
    at += number.length
  }
  return numbers
}

function numberAt(text: string, at: number): { value: number; length: number } | undefined {
  const first = decodeNumber(text.charAt(at)) ?? NaN
  let [start, end, base, length] = [0, 47, 0, 1]
  while (first > end) {
    base += (end + 1 - start) * 64 ** (length - 1)
    start = end + 1
    end = start + Math.floor((62 - end) / 2)
    length++
  }
  const tail = tailOf(text.slice(at + 1, at + length))
  if (at + length > text.length || tail === undefined) return undefined
  return { value: base + (first - start) * 64 ** (length - 1) + tail, length }
}

/** The characters behind the first one, the highest first. */
function tailOf(text: string): number | undefined {
  return decodeNumber(text.split('').toReversed().join(''))
}
