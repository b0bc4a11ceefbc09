// The workers of a gateway over time: one crew serves, and another one can take over from it.
import type { Crew } from './crew.ts'
import { TOPIC } from './orders.ts'
import type { PrimaryPeers } from './primary-peers.ts'

export class Crews {
  readonly #all = new Set<Crew>()
  readonly #failed = Promise.withResolvers<never>()
  #serving: Crew
  #replacing: Promise<unknown> = Promise.resolve()
  #isClosed = false

  /** `first` serves as soon as it has started. */
  constructor(first: Crew, peers: PrimaryPeers) {
    this.#serving = first
    this.#failed.promise.catch(() => undefined)
    this.#enlist(first)
    for (const topic of [TOPIC.orders, TOPIC.listening, TOPIC.failed])
      peers.answer(topic, async (message, from) => {
        for (const crew of this.#all) {
          const answer = await crew.answer(topic, message, from)
          if (answer !== undefined) return answer
        }
        return null
      })
  }

  /** The one that serves. */
  get serving(): Crew {
    return this.#serving
  }

  /** Rejects when no worker is left and none can be started. */
  get failed(): Promise<never> {
    return this.#failed.promise
  }

  /**
   * Starts another crew; when all of it listens the one before leaves, and its running transfers end within `graceMs`. When
   * it can not start, everything stays as it was, and that rejects. Resolves when the new one serves.
   */
  replace(create: () => Crew, graceMs: number): Promise<void> {
    const replaced = this.#replacing.then(() => this.#replace(create, graceMs))
    this.#replacing = replaced.catch(() => undefined)
    return replaced
  }

  /** Lets running transfers end for up to `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#isClosed = true
    await Promise.all([...this.#all].map((crew) => crew.leave({ graceMs, isReplaced: false })))
  }

  async #replace(create: () => Crew, graceMs: number): Promise<void> {
    if (this.#isClosed) return
    const [before, next] = [this.#serving, create()]
    this.#enlist(next)
    try {
      await next.started
    } catch (error) {
      await next.end()
      this.#all.delete(next)
      throw error
    }
    this.#serving = next
    void before.leave({ graceMs, isReplaced: true }).then(() => this.#all.delete(before))
  }

  #enlist(crew: Crew): void {
    this.#all.add(crew)
    crew.failed.catch((error: unknown) => this.#failed.reject(error))
  }
}
