// The peers of the primary: the hub between the workers, which ends the one that stops answering.
import type { Answerer, Message, Peers } from '../../cache/peers.ts'
import { isBatch, Outbox, type Batch, type Packet } from './packet.ts'
import { Answerers, OpenQuestions, replyOf } from './questions.ts'

/** A worker as the hub knows it. */
export interface Member {
  /** Never used again by another one. */
  readonly id: string
  readonly send: (batch: Batch) => void
  /** Ends it at once; {@link PrimaryPeers.remove} follows. */
  readonly end: (reason: string) => void
}

export interface PrimaryPeersOptions {
  /** How often each worker is asked for a sign of life; default 1 s. */
  readonly heartbeatMs?: number
  /** After so many heartbeats without any sign it is ended; default 10. */
  readonly mostSilent?: number
  /** So many heartbeats a question may stay without an answer; default 60. */
  readonly mostUnanswered?: number
}

const ID = 'primary'

export class PrimaryPeers implements Peers {
  readonly id = ID
  readonly isPrimary = true
  readonly #answerers = new Answerers()
  readonly #members = new Map<string, Membership>()
  readonly #goneListeners: ((id: string) => void)[] = []
  readonly #limits: Required<PrimaryPeersOptions>
  readonly #heartbeat: NodeJS.Timeout

  constructor({ heartbeatMs = 1000, mostSilent = 10, mostUnanswered = 60 }: PrimaryPeersOptions = {}) {
    this.#limits = { heartbeatMs, mostSilent, mostUnanswered }
    // Counted in beats: while this process itself is held up, nobody else grows silent.
    this.#heartbeat = setInterval(() => this.#beat(), heartbeatMs).unref()
  }

  /** To be called before its first message can arrive. It is asked nothing before it has joined. */
  add(member: Member): void {
    this.#members.set(member.id, new Membership(member))
  }

  /** To be called when its last message has arrived. */
  remove(id: string): void {
    const membership = this.#members.get(id)
    if (!membership) return
    this.#members.delete(id)
    membership.questions.abandon()
    for (const listener of this.#goneListeners) listener(id)
    for (const each of this.#joined()) each.outbox.put({ kind: 'gone', process: id })
  }

  /** What came from a worker. */
  receive(id: string, message: unknown): void {
    const membership = this.#members.get(id)
    if (!membership || !isBatch(message)) return
    membership.silent = 0
    for (const packet of message.packets) this.#receive(membership, packet)
  }

  ask(topic: string, question: Message): Promise<readonly Message[]> {
    return this.#askOthers(ID, topic, question)
  }

  /** Asks one worker; resolves with undefined when it is gone. */
  async askWorker(id: string, topic: string, question: Message): Promise<Message | undefined> {
    return this.#members.get(id)?.ask(topic, question, ID)
  }

  askPrimary(topic: string, question: Message): Promise<Message> {
    return this.#answerers.answer(topic, question, ID)
  }

  tell(topic: string, message: Message): void {
    this.#tellOthers(ID, topic, message)
  }

  answer(topic: string, answerer: Answerer): void {
    this.#answerers.set(topic, answerer)
  }

  onGone(listener: (id: string) => void): void {
    this.#goneListeners.push(listener)
  }

  close(): void {
    clearInterval(this.#heartbeat)
  }

  #receive(membership: Membership, packet: Packet): void {
    switch (packet.kind) {
      case 'join':
        membership.hasJoined = true
        break
      case 'ask':
        void this.#answer(membership, packet)
        break
      case 'answer':
      case 'refusal':
        membership.questions.settle(packet)
        break
      case 'tell':
        this.#answerers.hear(packet.topic, packet.body, packet.from)
        this.#tellOthers(packet.from, packet.topic, packet.body)
        break
      case 'gone':
      case 'ping':
      case 'pong':
        break
    }
  }

  async #answer(asker: Membership, packet: Extract<Packet, { kind: 'ask' }>): Promise<void> {
    const { id, topic, body, from, toAll } = packet
    const answer = toAll ? this.#askOthers(from, topic, body) : this.#answerers.answer(topic, body, from)
    asker.outbox.put(await replyOf(id, answer))
  }

  /** Waits for all of them also where one refuses: then nobody is at work on the question any more. */
  async #askOthers(from: string, topic: string, question: Message): Promise<readonly Message[]> {
    const asked: Promise<Message | undefined>[] = [...this.#joined()]
      .filter(({ id }) => id !== from)
      .map((each) => each.ask(topic, question, from))
    if (from !== ID) asked.push(this.#answerers.answer(topic, question, from))
    const answers: Message[] = []
    for (const outcome of await Promise.allSettled(asked)) {
      if (outcome.status === 'rejected') throw outcome.reason
      if (outcome.value !== undefined) answers.push(outcome.value)
    }
    return answers
  }

  #tellOthers(from: string, topic: string, body: Message): void {
    for (const each of this.#joined())
      if (each.id !== from) each.outbox.put({ kind: 'tell', topic, body, from })
  }

  *#joined(): Generator<Membership> {
    for (const membership of this.#members.values()) if (membership.hasJoined) yield membership
  }

  #beat(): void {
    const { mostSilent, mostUnanswered } = this.#limits
    for (const membership of this.#joined()) {
      const unanswered = membership.questions.tick()
      if (membership.silent >= mostSilent) membership.end('it gives no sign of life')
      else if (unanswered > mostUnanswered) membership.end('it does not answer')
      else {
        membership.silent += 1
        membership.outbox.put({ kind: 'ping' })
      }
    }
  }
}

/** What the hub knows of one worker. */
class Membership {
  readonly id: string
  readonly outbox: Outbox
  readonly questions = new OpenQuestions()
  readonly end: (reason: string) => void
  hasJoined = false
  /** Heartbeats since it was heard last. */
  silent = 0

  constructor({ id, send, end }: Member) {
    this.id = id
    this.outbox = new Outbox(send)
    this.end = end
  }

  ask(topic: string, body: Message, from: string): Promise<Message | undefined> {
    return this.questions.ask((id) => this.outbox.put({ kind: 'ask', id, topic, body, from, toAll: false }))
  }
}
