// The blobs that lay on the store when a run began, and which of them something needs.
import { randomInt } from 'node:crypto'
import type { Digest } from '../../../oci/digest.ts'
import { wordOf } from './digest-words.ts'

const FIRST_BITS = 12
const MAX_LOAD = 0.7

const EMPTY = 0
const PRESENT = 1
const MARKED = 2

/**
 * Nine bytes for each slot, outside of the heap. Knows digests by 64 bits: two that share them are kept together when
 * one is needed.
 */
export class BlobTable {
  // Clients choose digests: with secret factors they cannot choose ones that fall into the same slots.
  readonly #factors: readonly [number, number] = [randomFactor(), randomFactor()]
  /** There are 2 ** bits slots. */
  #bits = FIRST_BITS
  #keys = new Uint32Array(2 ** (FIRST_BITS + 1))
  #states = new Uint8Array(2 ** FIRST_BITS)
  #size = 0
  #marked = 0

  /** How many blobs there are. */
  get size(): number {
    return this.#size
  }

  /** How many of them are needed. */
  get marked(): number {
    return this.#marked
  }

  add(digest: Digest): void {
    if (this.#size >= this.#states.length * MAX_LOAD) this.#grow()
    this.#insert(wordOf(digest, 0), wordOf(digest, 1), PRESENT)
  }

  /** Something needs `digest`. What is not in the table needs no mark: it came later, and is not swept. */
  mark(digest: Digest): void {
    const slot = this.#slotOf(wordOf(digest, 0), wordOf(digest, 1))
    if (this.#states[slot] !== PRESENT) return
    this.#states[slot] = MARKED
    this.#marked += 1
  }

  /** Whether `digest` was there and nothing needs it. */
  isGarbage(digest: Digest): boolean {
    return this.#states[this.#slotOf(wordOf(digest, 0), wordOf(digest, 1))] === PRESENT
  }

  #insert(high: number, low: number, state: number): void {
    const slot = this.#slotOf(high, low)
    if (this.#states[slot] !== EMPTY) return
    this.#keys[2 * slot] = high
    this.#keys[2 * slot + 1] = low
    this.#states[slot] = state
    this.#size += 1
  }

  /** The slot of the key, or the free one where it belongs. */
  #slotOf(high: number, low: number): number {
    const mask = this.#states.length - 1
    const mixed = Math.imul(high, this.#factors[0]) + Math.imul(low, this.#factors[1])
    let slot = mixed >>> (32 - this.#bits) // the highest bits depend on all of the key's
    while (
      this.#states[slot] !== EMPTY &&
      (this.#keys[2 * slot] !== high || this.#keys[2 * slot + 1] !== low)
    )
      slot = (slot + 1) & mask
    return slot
  }

  #grow(): void {
    const [keys, states] = [this.#keys, this.#states]
    this.#bits += 1
    this.#keys = new Uint32Array(2 * keys.length)
    this.#states = new Uint8Array(2 * states.length)
    this.#size = 0
    states.forEach((state, slot) => {
      if (state !== EMPTY) this.#insert(keys[2 * slot] ?? 0, keys[2 * slot + 1] ?? 0, state)
    })
  }
}

function randomFactor(): number {
  return randomInt(2 ** 31) * 2 + 1
}
