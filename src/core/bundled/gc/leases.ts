// Which digests clients were told of lately: what they count on is not swept.
import type { Digest } from '../../../oci/digest.ts'
import { wordOf } from './digest-words.ts'

/** 4 MiB each of two, touched only where digests fall: a million digests in one grace make one in 6,000 look leased. */
const FILTER_BITS = 2 ** 25
const PROBES = 4

export interface LeasesOptions {
  /** For how long (ms) a confirmation holds at least. */
  readonly graceMs: number
  /** Milliseconds since the epoch; by default a clock that never jumps. */
  readonly now?: () => number
  /** Since when every confirmation was entered here; by default from now on. */
  readonly knownSince?: number
}

/**
 * Bloom filters of this grace and of the one before: memory does not grow with the confirmations, none is ever
 * forgotten early, and a digest that only looks leased is garbage until the next run.
 */
export class Leases {
  readonly graceMs: number
  /** Confirmations before this moment (ms since the epoch) are not known: an earlier process may have given them. */
  readonly knownSince: number
  readonly now: () => number
  #current = new Filter()
  #previous = new Filter()
  #rotatedAt: number
  #freezes = 0

  constructor({ graceMs, now = steadyNow, knownSince }: LeasesOptions) {
    this.graceMs = graceMs
    this.now = now
    this.knownSince = knownSince ?? now()
    this.#rotatedAt = now()
  }

  /** A client was told that `digest` is here. */
  touch(digest: Digest): void {
    this.#rotate()
    this.#current.add(digest, this.now())
  }

  /** Whether a client may count on `digest`: always within the grace and while frozen, perhaps somewhat longer. */
  has(digest: Digest): boolean {
    this.#rotate()
    return this.#current.has(digest) || this.#previous.has(digest)
  }

  /** Until the returned function is called, nothing expires that is leased now or from now on. */
  freeze(): () => void {
    this.#rotate()
    this.#freezes += 1
    let isFrozen = true
    return () => {
      if (isFrozen) this.#freezes -= 1
      isFrozen = false
    }
  }

  #rotate(): void {
    const now = this.now()
    if (this.#freezes > 0 || now - this.#rotatedAt <= this.graceMs) return
    const expired = this.#previous
    this.#previous = this.#current
    this.#current = expired
    expired.clear()
    if (now - this.#previous.touchedAt > this.graceMs) this.#previous.clear()
    this.#rotatedAt = now
  }
}

class Filter {
  readonly #words = new Uint32Array(FILTER_BITS / 32)
  /** When something was added last. */
  touchedAt = Number.NEGATIVE_INFINITY

  clear(): void {
    if (this.touchedAt > Number.NEGATIVE_INFINITY) this.#words.fill(0)
    this.touchedAt = Number.NEGATIVE_INFINITY
  }

  add(digest: Digest, now: number): void {
    this.touchedAt = now
    for (let probe = 0; probe < PROBES; probe += 1) {
      const bit = wordOf(digest, probe) % FILTER_BITS
      this.#words[bit >>> 5] = (this.#words[bit >>> 5] ?? 0) | (1 << (bit & 31))
    }
  }

  has(digest: Digest): boolean {
    for (let probe = 0; probe < PROBES; probe += 1) {
      const bit = wordOf(digest, probe) % FILTER_BITS
      if (((this.#words[bit >>> 5] ?? 0) & (1 << (bit & 31))) === 0) return false
    }
    return true
  }
}

/** The time of day as it was at the start, plus what has passed: setting the clock ends no lease. */
function steadyNow(): number {
  return performance.timeOrigin + performance.now()
}
