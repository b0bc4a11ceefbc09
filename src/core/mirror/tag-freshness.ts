// For how long what is known of a tag may be answered, in each state of the upstream.
import type { Tag } from '../../oci/reference.ts'
import type { HoldOptions } from './tag-hold.ts'
import type { TagState } from './tag-states.ts'

/** What is left of an upstream's quota (upstream/budget.ts). */
export interface Quota {
  /** From 0 to 1. */
  remainingShare(): number
  /** What is left is for what nobody has yet. */
  isReserveOnly(): boolean
}

export interface TagFreshnessOptions {
  /** For how long the upstream is not asked again what a tag means. */
  readonly tagTtlMs: (tag: Tag) => number
  /** How long after that a tag is answered while it is asked; 0: who asks waits. */
  readonly staleWhileRevalidateMs?: number
  /** How long after that a tag is answered when the upstream can not be asked; always by default. */
  readonly staleIfErrorMs?: number
  readonly quota?: Quota | undefined
  readonly hold?: HoldOptions | undefined
  readonly now: () => number
}

/** Below this share of the quota the upstream is asked less often, and at most so much less often. */
const SCARCE_SHARE = 0.5
const MAX_STRETCH = 8

export class TagFreshness {
  readonly #options: TagFreshnessOptions

  constructor(options: TagFreshnessOptions) {
    this.#options = options
  }

  /** Answered without a question. */
  isFresh(tag: Tag, { checkedAt, held, rules }: TagState): boolean {
    const { now, hold, tagTtlMs } = this.#options
    if (rules !== hold?.key) return false
    const age = now() - checkedAt
    if (age < 0 || (held && now() >= held.until)) return false
    // The quota is looked at only where it matters: nearly every answer is younger.
    return age < tagTtlMs(tag) || age < this.#ttlMs(tag)
  }

  /** Answered at once, and asked for behind the answer. */
  mayServeFirst(tag: Tag, state: TagState): boolean {
    const { staleWhileRevalidateMs = 0, hold } = this.#options
    return state.rules === hold?.key && this.#isWithin(tag, state, staleWhileRevalidateMs)
  }

  /** Answered because the upstream can not be asked. */
  mayServeOnError(tag: Tag, state: TagState): boolean {
    return this.#isWithin(tag, state, this.#options.staleIfErrorMs ?? Infinity)
  }

  #isWithin(tag: Tag, { checkedAt }: TagState, extraMs: number): boolean {
    return extraMs > 0 && this.#options.now() - checkedAt < this.#ttlMs(tag) + extraMs
  }

  /** A quota that shrinks makes every answer last longer: a tag that moved costs a pull. */
  #ttlMs(tag: Tag): number {
    const { tagTtlMs, quota } = this.#options
    const share = quota?.remainingShare() ?? 1
    const stretch = share >= SCARCE_SHARE ? 1 : Math.min(MAX_STRETCH, SCARCE_SHARE / Math.max(share, 0.01))
    return tagTtlMs(tag) * stretch
  }
}
