// What the processes of one gateway send each other: packets in batches, over the channel that Node opens to a child.
import type { Message } from '../../cache/peers.ts'

export type Packet =
  /** The sender takes part from now on. */
  | { readonly kind: 'join' }
  /** `id` counts the sender's questions. With `toAll` the primary asks every other process on the sender's behalf. */
  | {
      readonly kind: 'ask'
      readonly id: number
      readonly topic: string
      readonly body: Message
      readonly from: string
      readonly toAll: boolean
    }
  | Reply
  | { readonly kind: 'tell'; readonly topic: string; readonly body: Message; readonly from: string }
  | { readonly kind: 'gone'; readonly process: string }
  /** Answered by `pong` at once: who is silent has stopped. */
  | { readonly kind: 'ping' }
  | { readonly kind: 'pong' }

/** `id` is that of the question. */
export type Reply =
  | { readonly kind: 'answer'; readonly id: number; readonly body: Message }
  | { readonly kind: 'refusal'; readonly id: number; readonly message: string }

/** Told from messages of other makers, such as Node's own. */
export interface Batch {
  readonly packets: readonly Packet[]
}

/** Nobody but our own processes writes to the channel: what looks like a batch is one. */
export function isBatch(message: unknown): message is Batch {
  return (
    typeof message === 'object' && message !== null && 'packets' in message && Array.isArray(message.packets)
  )
}

/** Sends what is put in during one turn of the event loop as one message: a message costs far more than a packet. */
export class Outbox {
  readonly #send: (batch: Batch) => void
  #packets: Packet[] = []

  constructor(send: (batch: Batch) => void) {
    this.#send = send
  }

  put(packet: Packet): void {
    this.#packets.push(packet)
    if (this.#packets.length === 1) setImmediate(() => this.#flush())
  }

  #flush(): void {
    const packets = this.#packets
    this.#packets = []
    this.#send({ packets })
  }
}
