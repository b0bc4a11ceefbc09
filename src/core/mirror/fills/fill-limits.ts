// What the downloads of a mirror may take of the machine, whatever its upstream says and its clients do.

export interface FillLimits {
  /** Downloads at once. Whoever wants one more is told to come back. */
  readonly maxFills: number
  /** Downloads that go on though their clients left. */
  readonly maxOrphans: number
  /** For how long they go on. */
  readonly maxOrphanMs: number
  /** What they may still lack when their last client leaves. */
  readonly maxOrphanBytes: number
  /** Free space of the disk that is left to others. */
  readonly reserveBytes: number
}

const GIB = 2 ** 30

export const DEFAULT_FILL_LIMITS: FillLimits = {
  maxFills: 64,
  maxOrphans: 16,
  maxOrphanMs: 30 * 60 * 1000,
  maxOrphanBytes: 8 * GIB,
  reserveBytes: GIB,
}

/** Downloads that nobody reads at the moment, and which are finished for those who come back. */
export class OrphanFills {
  readonly #limits: FillLimits
  #running = 0

  constructor(limits: FillLimits) {
    this.#limits = limits
  }

  /**
   * Lets a download that lacks `missing` bytes go on, until `giveUp` is called. To be called when somebody reads it again
   * or it has ended: the answer. Undefined when it may not go on.
   */
  adopt(missing: number, giveUp: () => void): (() => void) | undefined {
    const { maxOrphans, maxOrphanMs, maxOrphanBytes } = this.#limits
    if (this.#running >= maxOrphans || missing > maxOrphanBytes) return undefined
    this.#running++
    const timer = setTimeout(giveUp, maxOrphanMs).unref()
    return () => {
      clearTimeout(timer)
      this.#running--
    }
  }
}
