// The Salsa20 core on a block whose words stand in the order in which yescrypt keeps them.

export const BLOCK_WORDS = 16

/** The word of Salsa20's own order that stands at `index` in yescrypt's, where its diagonals are rows. */
export function salsaIndex(index: number): number {
  return (5 * index) % BLOCK_WORDS
}

/** Replaces the 16 words from `start` on by their Salsa20 core. */
export function salsa20(words: Int32Array, start: number, doubleRounds: number): void {
  const x = words.slice(start, start + BLOCK_WORDS)
  for (let round = 0; round < doubleRounds; round++) {
    for (let n = 0; n < 4; n++) quarterRound(x, n, 4 + n, 8 + n, 12 + n)
    for (let n = 0; n < 4; n++) quarterRound(x, n, 12 + ((n + 1) & 3), 8 + ((n + 2) & 3), 4 + ((n + 3) & 3))
  }
  for (let n = 0; n < BLOCK_WORDS; n++) words[start + n] = (words[start + n] ?? 0) + (x[n] ?? 0)
}

function quarterRound(x: Int32Array, a: number, b: number, c: number, d: number): void {
  addRotateXor(x, b, a, d, 7)
  addRotateXor(x, c, b, a, 9)
  addRotateXor(x, d, c, b, 13)
  addRotateXor(x, a, d, c, 18)
}

function addRotateXor(x: Int32Array, target: number, one: number, other: number, shift: number): void {
  const sum = ((x[one] ?? 0) + (x[other] ?? 0)) | 0
  x[target] = (x[target] ?? 0) ^ ((sum << shift) | (sum >>> (32 - shift)))
}
