// The memory-hard part of scrypt and yescrypt: fills an array with blocks, then mixes blocks of it picked by their contents.
import type { Pwxform } from './pwxform.ts'
import { BLOCK_WORDS, salsa20, salsaIndex } from './salsa20.ts'

/** Replaces a row of 2r blocks. */
export type BlockMix = (row: Int32Array) => void

/** scrypt's: eight rounds of Salsa20 for each block; then those with even numbers come first. */
export function salsaMix(row: Int32Array): void {
  const before = row.slice()
  const count = row.length / BLOCK_WORDS
  const block = before.slice(-BLOCK_WORDS)
  for (let index = 0; index < count; index++) {
    xorInto(block, before, index * BLOCK_WORDS)
    salsa20(block, 0, 4)
    row.set(block, BLOCK_WORDS * ((index >> 1) + (index % 2 === 0 ? 0 : count / 2)))
  }
}

/** yescrypt's: pwxform for each block, and one double round of Salsa20 for the last. */
export function pwxMix(pwxform: Pwxform): BlockMix {
  return (row) => {
    const block = row.slice(-BLOCK_WORDS)
    for (let start = 0; start < row.length; start += BLOCK_WORDS) {
      xorInto(block, row, start)
      pwxform.transform(block)
      row.set(block, start)
    }
    salsa20(row, row.length - BLOCK_WORDS, 1)
  }
}

/** Fills `array` with what the row was before each mixing; with `isReading`, rows that were put there are mixed in. */
export function fill(row: Int32Array, array: Int32Array, mix: BlockMix, isReading: boolean): void {
  const count = array.length / row.length
  for (let index = 0; index < count; index++) {
    array.set(row, index * row.length)
    if (isReading && index > 1) {
      const recent = powerOfTwo(index)
      xorInto(row, array, row.length * ((selector(row) & (recent - 1)) + index - recent))
    }
    mix(row)
  }
}

/** Mixes rows of `array` into `row`; with `isWriting`, what comes of it replaces them. Counts a power of two of them. */
export function stir(
  row: Int32Array,
  array: Int32Array,
  mix: BlockMix,
  times: number,
  isWriting: boolean,
): void {
  const count = powerOfTwo(array.length / row.length)
  for (let time = 0; time < times; time++) {
    const start = row.length * (selector(row) & (count - 1))
    xorInto(row, array, start)
    if (isWriting) array.set(row, start)
    mix(row)
  }
}

/** The bytes as words in the order that {@link salsa20} wants. */
export function rowOf(bytes: Buffer): Int32Array {
  return Int32Array.from({ length: bytes.length / 4 }, (_, index) => bytes.readInt32LE(4 * byteIndex(index)))
}

/** Puts the row back where it came from. */
export function writeRow(row: Int32Array, bytes: Buffer): void {
  for (const [index, word] of row.entries()) bytes.writeInt32LE(word, 4 * byteIndex(index))
}

/** The largest power of two that is not greater. */
function powerOfTwo(value: number): number {
  return 2 ** Math.floor(Math.log2(value))
}

function byteIndex(index: number): number {
  const inBlock = index % BLOCK_WORDS
  return index - inBlock + salsaIndex(inBlock)
}

/** What chooses the next row: the first word of the last block. */
function selector(row: Int32Array): number {
  return row[row.length - BLOCK_WORDS] ?? 0
}

function xorInto(target: Int32Array, source: Int32Array, start: number): void {
  for (let index = 0; index < target.length; index++)
    target[index] = (target[index] ?? 0) ^ (source[start + index] ?? 0)
}
