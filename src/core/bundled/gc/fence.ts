// Keeps requests and the sweep apart, digest by digest.
import type { Digest } from '../../../oci/digest.ts'
import type { Leases } from './leases.ts'

/** A request that counts on some digests. */
export interface Hold {
  /** Lets go; `confirmed` when the client was told that they are here. */
  release(confirmed: boolean): void
}

/**
 * A digest that a request holds, or a client was told of, is not taken by the sweep; a request waits while one that it
 * wants is being swept. So the sweep waits for nobody, a slow push holds up nobody, and a request waits at most once,
 * for a few deletions: what it holds is not taken again.
 */
export class Fence {
  readonly leases: Leases
  readonly #holds = new Map<Digest, number>()
  readonly #taken = new Map<Digest, Promise<void>>()

  constructor(leases: Leases) {
    this.leases = leases
  }

  /** Resolves when none of the digests is being swept, and none will be before the release. */
  async hold(digests: Iterable<Digest>): Promise<Hold> {
    const held = new Set(digests)
    for (const digest of held) this.#holds.set(digest, (this.#holds.get(digest) ?? 0) + 1)
    for (const digest of held) {
      const swept = this.#taken.get(digest)
      if (swept) await swept
    }
    let isHeld = true
    return {
      release: (confirmed) => {
        if (!isHeld) return
        isHeld = false
        for (const digest of held) this.#letGo(digest, confirmed)
      },
    }
  }

  /** Runs `work` while nothing of `digests` can be swept. When it succeeds, they are leased. */
  async during<Result>(digests: Iterable<Digest>, work: () => Promise<Result>): Promise<Result> {
    const hold = await this.hold(digests)
    let succeeded = false
    try {
      const result = await work()
      succeeded = true
      return result
    } finally {
      hold.release(succeeded)
    }
  }

  /** Whether the sweep has it: then {@link hold} would wait. */
  isTaken(digest: Digest): boolean {
    return this.#taken.has(digest)
  }

  /** Whether {@link take} would refuse. */
  protects(digest: Digest): boolean {
    return this.#holds.has(digest) || this.leases.has(digest)
  }

  /**
   * Takes digests in order to delete what they name; undefined when somebody counts on one of them. Who asks for them
   * from now on waits until the returned function is called.
   */
  take(digests: readonly Digest[]): (() => void) | undefined {
    if (digests.some((digest) => this.protects(digest) || this.#taken.has(digest))) return undefined
    const { promise, resolve } = Promise.withResolvers<void>()
    for (const digest of digests) this.#taken.set(digest, promise)
    return () => {
      for (const digest of digests) this.#taken.delete(digest)
      resolve()
    }
  }

  #letGo(digest: Digest, confirmed: boolean): void {
    const others = (this.#holds.get(digest) ?? 0) - 1
    if (others > 0) this.#holds.set(digest, others)
    else this.#holds.delete(digest)
    if (confirmed) this.leases.touch(digest)
  }
}
