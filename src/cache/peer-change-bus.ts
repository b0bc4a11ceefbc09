// A change bus between the processes of one gateway: each of them has dropped what it knew before a write is answered.
import type { Change, ChangeBus } from './change-bus.ts'
import type { Message, Peers } from './peers.ts'

const TOPIC = 'changes'

/** The topic of the change, and its item. */
type Question = readonly [string, string | null]

/** What is known needs no lease: who does not answer is ended, and takes what it knew along. */
export class PeerChangeBus implements ChangeBus {
  readonly #peers: Peers
  readonly #listeners: ((change: Change) => void)[] = []

  constructor(peers: Peers) {
    this.#peers = peers
    peers.answer(TOPIC, (question) => this.#hear(question))
  }

  lease(): undefined {
    return undefined
  }

  /** The processes share no cache that would need it. */
  async generation(): Promise<undefined> {
    return undefined
  }

  async announce({ topic, item }: Change): Promise<void> {
    const question: Question = [topic, item ?? null]
    await this.#peers.ask(TOPIC, question)
  }

  subscribe(listener: (change: Change) => void): void {
    this.#listeners.push(listener)
  }

  async close(): Promise<void> {}

  #hear(question: Message): null {
    const [topic, item] = question as Question // nobody else asks on this topic
    for (const listener of this.#listeners) listener(item === null ? { topic } : { topic, item })
    return null
  }
}
