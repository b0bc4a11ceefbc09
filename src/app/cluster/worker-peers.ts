// The peers of a worker: it talks to the primary alone, which passes on what is for others.
import type { Answerer, Message, Peers } from '../../cache/peers.ts'
import { isBatch, Outbox, type Batch, type Packet } from './packet.ts'
import { Answerers, OpenQuestions } from './questions.ts'

/** The channel to the primary: a child process's `process`. */
export interface PrimaryChannel {
  send?(message: Batch): boolean
  on(event: 'message', listener: (message: unknown) => void): unknown
  once(event: 'disconnect', listener: () => void): unknown
}

export class WorkerPeers implements Peers {
  readonly id: string
  readonly isPrimary = false
  readonly #outbox: Outbox
  readonly #questions = new OpenQuestions()
  readonly #answerers = new Answerers()
  readonly #goneListeners: ((id: string) => void)[] = []

  /** Takes part at once: what is asked before anybody answers here is answered with `null`. */
  constructor(id: string, channel: PrimaryChannel) {
    this.id = id
    this.#outbox = new Outbox((batch) => void channel.send?.(batch))
    channel.on('message', (message) => {
      if (isBatch(message)) for (const packet of message.packets) this.#receive(packet)
    })
    channel.once('disconnect', () => this.#questions.abandon())
    this.#outbox.put({ kind: 'join' })
  }

  async ask(topic: string, question: Message): Promise<readonly Message[]> {
    const answers = await this.#ask(topic, question, true)
    return Array.isArray(answers) ? answers : []
  }

  askPrimary(topic: string, question: Message): Promise<Message> {
    return this.#ask(topic, question, false)
  }

  tell(topic: string, message: Message): void {
    this.#outbox.put({ kind: 'tell', topic, body: message, from: this.id })
  }

  answer(topic: string, answerer: Answerer): void {
    this.#answerers.set(topic, answerer)
  }

  onGone(listener: (id: string) => void): void {
    this.#goneListeners.push(listener)
  }

  async #ask(topic: string, body: Message, toAll: boolean): Promise<Message> {
    const answer = await this.#questions.ask((id) =>
      this.#outbox.put({ kind: 'ask', id, topic, body, from: this.id, toAll }),
    )
    if (answer === undefined) throw new Error('the primary process is gone')
    return answer
  }

  #receive(packet: Packet): void {
    switch (packet.kind) {
      case 'ask':
        void this.#answer(packet)
        break
      case 'answer':
      case 'refusal':
        this.#questions.settle(packet)
        break
      case 'tell':
        this.#answerers.hear(packet.topic, packet.body, packet.from)
        break
      case 'gone':
        for (const listener of this.#goneListeners) listener(packet.process)
        break
      case 'ping':
        this.#outbox.put({ kind: 'pong' })
        break
      case 'join':
      case 'pong':
        break // for the primary
    }
  }

  async #answer({ id, topic, body, from }: Extract<Packet, { kind: 'ask' }>): Promise<void> {
    this.#outbox.put(await this.#answerers.reply(id, topic, body, from))
  }
}
