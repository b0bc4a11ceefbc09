// The fences of all processes of a gateway, as the collector sees them: in the primary, which serves no clients.
import type { Digest } from '../../../oci/digest.ts'
import type { FenceAnswer, FenceGroup, FenceQuestion, PeerFenceOptions } from './answered-fence.ts'
import type { Fence } from './fence.ts'

/** Digests that a process is asked about at once. */
const AT_ONCE = 500
/** Who asks for what is taken waits for no more deletions than that. */
const TAKEN_AT_ONCE = 16

type Release = () => void

/**
 * Removes nothing that any process counts on. What a process told its clients is lost with it: from then on that counts as
 * unknown, until their grace is over.
 */
export class SharedFence {
  readonly #fence: Fence
  readonly #peers: PeerFenceOptions['peers']
  readonly #topic: string
  /** The workers that may have told clients anything. */
  readonly #joined = new Set<string>()
  #lostAt = Number.NEGATIVE_INFINITY
  #isFrozen = false
  #lastNumber = 0
  /** What is taken, or about to be: a process that joined now would not know of it. */
  #taken = 0
  #joining: (() => void)[] = []

  constructor({ fence, peers, topic }: PeerFenceOptions) {
    this.#fence = fence
    this.#peers = peers
    this.#topic = topic
    peers.answer(topic, (_question, from) => this.#admit(from))
    peers.onGone((id) => this.#lose(id))
  }

  get graceMs(): number {
    return this.#fence.leases.graceMs
  }

  /** The clock of the leases. */
  now(): number {
    return this.#fence.leases.now()
  }

  /** What clients were told before (ms since the epoch), by whichever process, is not known. */
  get knownSince(): number {
    return Math.max(this.#lostAt, this.#fence.leases.knownSince)
  }

  /** How many groups are to be taken at once: several, where a busy process has to answer. */
  get groupsAtOnce(): number {
    return this.#joined.size === 0 ? 1 : TAKEN_AT_ONCE
  }

  /** Until what it resolves with is called, nothing expires anywhere that is leased now or from now on. */
  async freeze(): Promise<() => Promise<void>> {
    const thaw = this.#fence.leases.freeze()
    this.#isFrozen = true
    await this.#ask(['freeze'])
    return async () => {
      thaw()
      this.#isFrozen = false
      await this.#ask(['thaw'])
    }
  }

  /** Those that {@link take} would refuse now. */
  async protectedAmong(digests: Iterable<Digest>): Promise<Set<Digest>> {
    const all = [...digests]
    const found = new Set(all.filter((digest) => this.#fence.protects(digest)))
    for (let start = 0; start < all.length; start += AT_ONCE) {
      const some = all.slice(start, start + AT_ONCE)
      const refused = await this.#ask(['protects', some])
      for (const [place, digest] of some.entries()) if (refused.has(place)) found.add(digest)
    }
    return found
  }

  /**
   * Takes each group of digests in order to delete what they name; undefined for one that somebody counts on. Who asks for
   * them from now on, in whichever process, waits until the returned function is called.
   */
  async take(groups: readonly (readonly Digest[])[]): Promise<(Release | undefined)[]> {
    this.#taken += 1
    try {
      const here = groups.map((digests) => this.#takeHere(digests))
      const asked = here.filter((taken) => taken !== undefined)
      const refused = await this.#ask(['take', asked.map(({ group }) => group)])
      const isRefused = new Set(asked.filter((_taken, place) => refused.has(place)))
      for (const { release } of isRefused) release()
      return here.map((taken) => (taken && !isRefused.has(taken) ? taken.release : undefined))
    } finally {
      this.#released()
    }
  }

  #takeHere(digests: readonly Digest[]): { group: FenceGroup; release: Release } | undefined {
    const release = this.#fence.take(digests)
    if (!release) return undefined
    const number = ++this.#lastNumber
    this.#taken += 1
    let isTaken = true
    return {
      group: [number, ...digests],
      release: () => {
        if (!isTaken) return
        isTaken = false
        release()
        this.#tell(['release', number])
        this.#released()
      },
    }
  }

  #tell(question: FenceQuestion): void {
    this.#peers.tell(this.#topic, question)
  }

  /** The places of what some process refuses. */
  async #ask(question: FenceQuestion): Promise<ReadonlySet<number>> {
    const counted = [...this.#joined]
    const answers = (await this.#peers.ask(this.#topic, question)) as readonly (FenceAnswer | null)[] // see AnsweredFence
    const heard = new Map(answers.flatMap((answer) => (answer === null ? [] : [answer])))
    // It may be gone without that having been told yet.
    for (const id of counted) if (!heard.has(id)) this.#lose(id)
    return new Set([...heard.values()].flat())
  }

  /** A worker begins to serve, as soon as nothing is taken that it does not know of. Answers whether a collection runs. */
  async #admit(id: string): Promise<boolean> {
    if (this.#taken > 0) await new Promise<void>((resolve) => this.#joining.push(resolve))
    this.#joined.add(id)
    return this.#isFrozen
  }

  #released(): void {
    this.#taken -= 1
    if (this.#taken > 0) return
    for (const resolve of this.#joining.splice(0)) resolve()
  }

  #lose(id: string): void {
    if (this.#joined.delete(id)) this.#lostAt = this.now()
  }
}
