// What the keys of TLS session tickets are made of: one secret for all workers, so that a session resumes on any of them.
import { randomBytes } from 'node:crypto'
import type { Peers } from '../../cache/peers.ts'
import { TOPIC } from './orders.ts'

/** Who steals the secret can read the sessions of a day (RFC 5077 §5.5 wants keys to change). */
const LIFE_MS = 24 * 60 * 60 * 1000
const LENGTH = 32

export class TicketSecret {
  #current = randomBytes(LENGTH)
  readonly #timer: NodeJS.Timeout

  /** Changes daily, and is told to all peers then. */
  constructor(peers: Pick<Peers, 'tell'>) {
    this.#timer = setInterval(() => {
      this.#current = randomBytes(LENGTH)
      peers.tell(TOPIC.tickets, this.#current.toString('base64'))
    }, LIFE_MS).unref()
  }

  get current(): Uint8Array {
    return this.#current
  }

  close(): void {
    clearInterval(this.#timer)
  }
}
