// DES (FIPS 46-3) with the salt of crypt(3), which swaps bits of the expansion E. Only for old password hashes.

/** A block, or a key with its unused lowest bits, as two numbers of 32 bits. */
export type Block = readonly [high: number, low: number]

// The standard's tables. They count bits from 1, the highest first.
const IP = [58, 60, 62, 64, 57, 59, 61, 63].flatMap((first) =>
  [0, 1, 2, 3, 4, 5, 6, 7].map((n) => first - 8 * n),
)
const INVERSE_IP = IP.map((_, index) => IP.indexOf(index + 1) + 1)
const PC1 = [
  [
    57, 49, 41, 33, 25, 17, 9, 1, 58, 50, 42, 34, 26, 18, 10, 2, 59, 51, 43, 35, 27, 19, 11, 3, 60, 52, 44,
    36,
  ],
  [
    63, 55, 47, 39, 31, 23, 15, 7, 62, 54, 46, 38, 30, 22, 14, 6, 61, 53, 45, 37, 29, 21, 13, 5, 28, 20, 12,
    4,
  ],
] as const
const PC2 = [
  [14, 17, 11, 24, 1, 5, 3, 28, 15, 6, 21, 10, 23, 19, 12, 4, 26, 8, 16, 7, 27, 20, 13, 2],
  [41, 52, 31, 37, 47, 55, 30, 40, 51, 45, 33, 48, 44, 49, 39, 56, 34, 53, 46, 42, 50, 36, 29, 32],
] as const
const P = [
  16, 7, 20, 21, 29, 12, 28, 17, 1, 15, 23, 26, 5, 18, 31, 10, 2, 8, 24, 14, 32, 27, 3, 9, 19, 13, 30, 6, 22,
  11, 4, 25,
]
const SHIFTS = [1, 1, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 1]
/** S1 to S8: their four rows of sixteen digits, one behind the other. */
const S = [
  'e4d12fb83a6c59070f74e2d1a6cb953841e8d62bfc973a50fc8249175b3ea06d',
  'f18e6b34972dc05a3d47f28ec01a69b50e7ba4d158c6932fd8a13f42b67c05e9',
  'a09e63f51dc7b428d709346a285ecbf1d6498f30b12c5ae71ad069874fe3b52c',
  '7de3069a1285bc4fd8b56f03472c1ae9a690cb7df13e52843f06a1d8945bc72e',
  '2c417ab6853fd0e9eb2c47d150fa3986421bad78f9c5630eb8c71e2d6f09a453',
  'c1af92680d34e75baf427c9561de0b389ef528c3704a1db6432c95fabe17608d',
  '4b2ef08d3c975a61d0b7491ae35c2f8614bdc37eaf6805926bd814a7950fe23c',
  'd2846fb1a93e50c71fd8a374c56b0e927b419ce206adf35821e74a8dfc90356b',
]
/** For each six bits that go into an S box, what P makes of the four that come out. */
const SP = S.map((box, index) => Int32Array.from({ length: 64 }, (_, six) => spOf(box, index, six)))

/** A key's sixteen round keys, each in two halves of 24 bits. */
export function keySchedule([high, low]: Block): Int32Array {
  const schedule = new Int32Array(32)
  let [left, right] = PC1.map((table) => pick(table, bitsOf(high, low)))
  for (const [round, shift] of SHIFTS.entries()) {
    left = rotate28(left ?? 0, shift)
    right = rotate28(right ?? 0, shift)
    const bits = [...bitsOf(left << 4, 0).slice(0, 28), ...bitsOf(right << 4, 0).slice(0, 28)]
    for (const [half, table] of PC2.entries()) schedule[2 * round + half] = pick(table, bits)
  }
  return schedule
}

/** A block encrypted `times` times; the salt has 24 bits, and 0 is plain DES. */
export function encrypt([high, low]: Block, schedule: Int32Array, salt: number, times: number): Block {
  const swaps = reverse24(salt)
  const bits = bitsOf(high, low)
  let [left, right] = [pick(IP.slice(0, 32), bits), pick(IP.slice(32), bits)]
  for (let time = 0; time < times; time++) {
    for (let at = 0; at < 32; at += 2) {
      const next = left ^ feistel(right, schedule[at] ?? 0, schedule[at + 1] ?? 0, swaps)
      left = right
      right = next
    }
    // Between two encryptions IP undoes its inverse; the exchange of the halves stays.
    ;[left, right] = [right, left]
  }
  const out = bitsOf(left, right)
  return [pick(INVERSE_IP.slice(0, 32), out), pick(INVERSE_IP.slice(32), out)]
}

function feistel(right: number, keyLeft: number, keyRight: number, swaps: number): number {
  const expandedLeft = expand(right, 0)
  const expandedRight = expand(right, 16)
  const swapped = (expandedLeft ^ expandedRight) & swaps
  return substitute(expandedLeft ^ swapped ^ keyLeft, 0) | substitute(expandedRight ^ swapped ^ keyRight, 4)
}

/** Four of E's groups of six bits: every four bits with the one before and the one behind them. */
function expand(right: number, from: number): number {
  return (
    (sixAt(right, from) << 18) |
    (sixAt(right, from + 4) << 12) |
    (sixAt(right, from + 8) << 6) |
    sixAt(right, from + 12)
  )
}

function sixAt(right: number, from: number): number {
  const shift = (from + 5) % 32
  return ((right << shift) | (right >>> (32 - shift))) & 63
}

function substitute(half: number, box: number): number {
  return (
    at(SP[box], half >> 18) | at(SP[box + 1], half >> 12) | at(SP[box + 2], half >> 6) | at(SP[box + 3], half)
  )
}

function at(table: Int32Array | undefined, index: number): number {
  return table?.[index & 63] ?? 0
}

function spOf(box: string, index: number, six: number): number {
  // The outer bits are the row, the inner ones the column.
  const row = ((six >> 4) & 2) | (six & 1)
  const four = Number.parseInt(box.charAt(16 * row + ((six >> 1) & 15)), 16)
  return pick(P, bitsOf(four << (28 - 4 * index), 0))
}

function rotate28(value: number, shift: number): number {
  return ((value << shift) | (value >>> (28 - shift))) & 0xfffffff
}

function reverse24(salt: number): number {
  let reversed = 0
  for (let bit = 0; bit < 24; bit++) reversed |= ((salt >> bit) & 1) << (23 - bit)
  return reversed
}

function bitsOf(high: number, low: number): number[] {
  return Array.from({ length: 64 }, (_, index) => ((index < 32 ? high : low) >>> (31 - (index % 32))) & 1)
}

function pick(table: readonly number[], bits: readonly number[]): number {
  return table.reduce((value, index) => (value << 1) | (bits[index - 1] ?? 0), 0)
}
