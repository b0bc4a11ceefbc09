// Locks that hold in all processes of a gateway: the primary keeps them, and frees those of a process that is gone.
import { LocalLocks, type LockMode, type Locks } from './locks.ts'
import type { Message, Peers } from './peers.ts'

/** What a worker asks for: its turn, under a number of its own; by the number alone that its turn ends. */
type Wish = readonly [number, string, LockMode] | readonly [number]

/** Of this process, over all locks: several may have one topic. */
let lastNumber = 0

/** In a process that is alone, and in the primary, a lock costs no message. */
export class PeerLocks implements Locks {
  readonly #peers: Peers
  readonly #topic: string
  readonly #local = new LocalLocks()
  /** In the primary: what ends the turns of the workers, by process and number. */
  readonly #held = new Map<string, Map<number, () => void>>()
  /** A message of a process may come after its end. */
  readonly #gone = new Set<string>()

  /** `topic`: locks of one topic have nothing to do with those of another. */
  constructor(peers: Peers, topic: string) {
    this.#peers = peers
    this.#topic = topic
    if (!peers.isPrimary) return
    peers.answer(topic, (question, from) => this.#answer(question, from))
    peers.onGone((id) => this.#free(id))
  }

  shared<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    return this.#peers.isPrimary ? this.#local.shared(key, work) : this.#run(key, 'shared', work)
  }

  alone<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    return this.#peers.isPrimary ? this.#local.alone(key, work) : this.#run(key, 'alone', work)
  }

  async #run<Result>(key: string, mode: LockMode, work: () => Promise<Result>): Promise<Result> {
    const number = ++lastNumber
    await this.#ask([number, key, mode])
    try {
      return await work()
    } finally {
      // Not awaited: the next one waits for it there. Without the primary there is nobody to wait for.
      this.#ask([number]).catch(() => undefined)
    }
  }

  #ask(wish: Wish): Promise<Message> {
    return this.#peers.askPrimary(this.#topic, wish)
  }

  async #answer(question: Message, from: string): Promise<null> {
    const [number, key, mode] = question as Wish // nobody else asks on this topic
    if (key === undefined || mode === undefined) {
      const turns = this.#held.get(from)
      turns?.get(number)?.()
      turns?.delete(number)
      return null
    }
    const release = await this.#local.acquire(key, mode)
    if (this.#gone.has(from)) release()
    else this.#turnsOf(from).set(number, release)
    return null
  }

  #turnsOf(id: string): Map<number, () => void> {
    const turns = this.#held.get(id) ?? new Map<number, () => void>()
    this.#held.set(id, turns)
    return turns
  }

  #free(id: string): void {
    this.#gone.add(id)
    for (const release of this.#held.get(id)?.values() ?? []) release()
    this.#held.delete(id)
  }
}
