// The alphabet in which crypt(3) writes bytes, six bits to a character, and its two orders.

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** A number in `length` characters, its lowest six bits first. */
function encodeNumber(value: number, length: number): string {
  let text = ''
  for (let index = 0; index < length; index++) text += ALPHABET.charAt((value >>> (6 * index)) & 63)
  return text
}

/** Undefined when a character is none of the alphabet. */
export function decodeNumber(text: string): number | undefined {
  let value = 0
  for (let index = text.length - 1; index >= 0; index--) {
    const digit = ALPHABET.indexOf(text.charAt(index))
    if (digit < 0) return undefined
    value = value * 64 + digit
  }
  return value
}

/** Groups of three bytes, the first one lowest, in four characters; the last ones in as many as they need. */
export function encodeBytes(bytes: Uint8Array): string {
  let text = ''
  for (let start = 0; start < bytes.length; start += 3) {
    const group = bytes.subarray(start, start + 3)
    const value = group.reduceRight((sum, byte) => (sum << 8) | byte, 0)
    text += encodeNumber(value, group.length + 1)
  }
  return text
}

/** The reverse of {@link encodeBytes}; undefined when nothing is written as `text`. */
export function decodeBytes(text: string): Buffer | undefined {
  const bytes: number[] = []
  for (let start = 0; start < text.length; start += 4) {
    const group = text.slice(start, start + 4)
    let value = decodeNumber(group)
    if (value === undefined || group.length === 1) return undefined
    for (let count = 1; count < group.length; count++, value >>>= 8) bytes.push(value & 255)
    if (value !== 0) return undefined
  }
  return Buffer.from(bytes)
}

/** The bytes of a digest in the order in which a format writes them; of each group, the first is highest. */
export function encodeGroups(digest: Uint8Array, groups: readonly (readonly number[])[]): string {
  return groups
    .map((group) => {
      const value = group.reduce((sum, index) => (sum << 8) | (digest[index] ?? 0), 0)
      return encodeNumber(value, group.length + 1)
    })
    .join('')
}

/** Eight bytes in eleven characters, their highest six bits first, as hashes of DES are written. */
export function encodeBigEndian(high: number, low: number): string {
  // 64 bits and two zeros.
  const bits = ((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)) << 2n
  let text = ''
  for (let shift = 60n; shift >= 0n; shift -= 6n) text += ALPHABET.charAt(Number((bits >> shift) & 63n))
  return text
}
