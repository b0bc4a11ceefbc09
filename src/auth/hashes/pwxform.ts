// pwxform, yescrypt's own transformation of a block: multiplications, and look-ups in tables that it rewrites as it goes.
import { BLOCK_WORDS } from './salsa20.ts'

/** Three tables of 4 KiB. */
export const TABLES_BYTES = 3 * 4096
const TABLE_WORDS = 1024
/** Of a look-up's 32 bits, those that choose one of 256 entries of 16 bytes; as an index of words. */
const ENTRY_MASK = 0xff0
const ROUNDS = 6
const TWO_TO_MINUS_32 = 2 ** -32

/** Transforms blocks one after the other: what it does to one depends on those before it. */
export class Pwxform {
  readonly #tables: Int32Array
  /** Where the two tables that are read begin, and the one that is written. */
  #first = 2 * TABLE_WORDS
  #second = TABLE_WORDS
  #written = 0
  /** Where in the written table the next words go. */
  #offset = 0

  /** Takes the tables over. */
  constructor(tables: Int32Array) {
    this.#tables = tables
  }

  /** Replaces the 16 words of the block. */
  transform(block: Int32Array): void {
    // A lane is two numbers of 64 bits, which nothing else in the block depends on.
    for (let lane = 0; lane < BLOCK_WORDS; lane += 4) this.#transformLane(block, lane)
    this.#offset = (this.#offset + 4 * BLOCK_WORDS) % TABLE_WORDS
    ;[this.#first, this.#second, this.#written] = [this.#written, this.#first, this.#second]
  }

  /** In each round, the product of a number's halves, plus one table's entry, xor the other's. */
  #transformLane(block: Int32Array, lane: number): void {
    const tables = this.#tables
    const [first, second, target] = [this.#first, this.#second, this.#written + this.#offset + lane]
    let [low0, high0] = [block[lane] ?? 0, block[lane + 1] ?? 0]
    let [low1, high1] = [block[lane + 2] ?? 0, block[lane + 3] ?? 0]
    for (let round = 0; round < ROUNDS; round++) {
      const plus = first + ((low0 & ENTRY_MASK) >>> 2)
      const xor = second + ((high0 & ENTRY_MASK) >>> 2)
      const product0 = Math.imul(low0, high0)
      const sum0 = (product0 + (tables[plus] ?? 0)) | 0
      const carry0 = sum0 >>> 0 < product0 >>> 0 ? 1 : 0
      high0 =
        (upperProduct(low0, high0, product0) + (tables[plus + 1] ?? 0) + carry0) ^ (tables[xor + 1] ?? 0)
      low0 = sum0 ^ (tables[xor] ?? 0)
      const product1 = Math.imul(low1, high1)
      const sum1 = (product1 + (tables[plus + 2] ?? 0)) | 0
      const carry1 = sum1 >>> 0 < product1 >>> 0 ? 1 : 0
      high1 =
        (upperProduct(low1, high1, product1) + (tables[plus + 3] ?? 0) + carry1) ^ (tables[xor + 3] ?? 0)
      low1 = sum1 ^ (tables[xor + 2] ?? 0)
      if (round === 0 || round === ROUNDS - 1) continue
      const at = target + (round - 1) * BLOCK_WORDS
      tables[at] = low0
      tables[at + 1] = high0
      tables[at + 2] = low1
      tables[at + 3] = high1
    }
    block[lane] = low0
    block[lane + 1] = high0
    block[lane + 2] = low1
    block[lane + 3] = high1
  }
}

/**
 * The upper 32 bits of the product of two numbers without sign, of which `product` is the lower half: of the 64 bits a float
 * has 53, enough to round to the upper half once the lower one is taken off.
 */
function upperProduct(one: number, other: number, product: number): number {
  return (((one >>> 0) * (other >>> 0) - (product >>> 0)) * TWO_TO_MINUS_32 + 0.5) | 0
}
