// The fence of a worker, as the collector in the primary asks it.
import type { Peers } from '../../../cache/peers.ts'
import type { Digest } from '../../../oci/digest.ts'
import type { Fence } from './fence.ts'

/** Digests that are taken together or not at all, behind the number that they are released by. */
export type FenceGroup = readonly [number, ...Digest[]]

/** What the primary asks; it tells a release. */
export type FenceQuestion =
  | readonly ['freeze' | 'thaw']
  | readonly ['protects', readonly Digest[]]
  | readonly ['take', readonly FenceGroup[]]
  | readonly ['release', number]

/** Who answers, and which of what was asked it refuses, by place. */
export type FenceAnswer = readonly [string, readonly number[]]

export interface PeerFenceOptions {
  /** That of this process: every request to the store passes it. */
  readonly fence: Fence
  readonly peers: Peers
  /** The same in all processes, and for no other store. */
  readonly topic: string
}

/** A worker holds and leases for itself, without a message; it is asked only when something is to be removed. */
export class AnsweredFence {
  readonly #fence: Fence
  readonly #peers: Peers
  /** By number: what ends it. */
  readonly #taken = new Map<number, () => void>()
  #thaw: (() => void) | undefined
  #wasTold = false

  /**
   * To be awaited before the first request is answered; the primary has to have its own fence by then. From then on the
   * collector counts on the answers of this process.
   */
  static async join(options: PeerFenceOptions): Promise<void> {
    const answered = new AnsweredFence(options)
    options.peers.answer(options.topic, (question) => answered.#answer(question as FenceQuestion)) // nobody else asks
    answered.#begin(await options.peers.askPrimary(options.topic, null))
  }

  private constructor({ fence, peers }: PeerFenceOptions) {
    this.#fence = fence
    this.#peers = peers
    // Until it is known whether a collection runs, one may.
    this.#thaw = fence.leases.freeze()
  }

  /** A freeze or thaw may have come since the primary answered. */
  #begin(isFrozen: unknown): void {
    if (!this.#wasTold) this.#setFrozen(isFrozen === true)
  }

  #answer(question: FenceQuestion): FenceAnswer {
    return [this.#peers.id, this.#refused(question)]
  }

  #refused([kind, what]: FenceQuestion): readonly number[] {
    if (kind === 'protects') return places(what, (digest) => this.#fence.protects(digest))
    if (kind === 'take') return places(what, (group) => !this.#take(group))
    if (kind === 'release') {
      this.#taken.get(what)?.()
      this.#taken.delete(what)
    } else {
      this.#wasTold = true
      this.#setFrozen(kind === 'freeze')
    }
    return []
  }

  #take([number, ...digests]: FenceGroup): boolean {
    const release = this.#fence.take(digests)
    if (release) this.#taken.set(number, release)
    return release !== undefined
  }

  #setFrozen(isFrozen: boolean): void {
    if (isFrozen) {
      this.#thaw ??= this.#fence.leases.freeze()
      return
    }
    this.#thaw?.()
    this.#thaw = undefined
  }
}

function places<Item>(items: readonly Item[], is: (item: Item) => boolean): number[] {
  return items.flatMap((item, place) => (is(item) ? [place] : []))
}
