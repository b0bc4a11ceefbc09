// Questions between processes: those asked of one process, until it has answered, and who answers those of others.
import type { Answerer, Message } from '../../cache/peers.ts'
import type { Reply } from './packet.ts'

interface OpenQuestion extends PromiseWithResolvers<Message | undefined> {
  /** How many heartbeats it has been open. */
  age: number
}

/** The questions that one process has still to answer. */
export class OpenQuestions {
  readonly #open = new Map<number, OpenQuestion>()
  #lastId = 0

  /** Resolves with the answer; with undefined when the process is gone. Rejects with what it refuses with. */
  ask(send: (id: number) => void): Promise<Message | undefined> {
    const id = ++this.#lastId
    const question = { ...Promise.withResolvers<Message | undefined>(), age: 0 }
    this.#open.set(id, question)
    send(id)
    return question.promise
  }

  settle(reply: Reply): void {
    const question = this.#open.get(reply.id)
    this.#open.delete(reply.id)
    if (reply.kind === 'answer') question?.resolve(reply.body)
    else question?.reject(new Error(reply.message))
  }

  /** The process is gone. */
  abandon(): void {
    for (const question of this.#open.values()) question.resolve(undefined)
    this.#open.clear()
  }

  /** Counts a heartbeat. Answers how many the oldest question has been open for. */
  tick(): number {
    let oldest = 0
    for (const question of this.#open.values()) {
      question.age += 1
      oldest = Math.max(oldest, question.age)
    }
    return oldest
  }
}

/** Who answers what in this process. */
export class Answerers {
  readonly #byTopic = new Map<string, Answerer>()

  set(topic: string, answerer: Answerer): void {
    this.#byTopic.set(topic, answerer)
  }

  async answer(topic: string, question: Message, from: string): Promise<Message> {
    return (await this.#byTopic.get(topic)?.(question, from)) ?? null
  }

  /** The same, as it is sent back. Never rejects. */
  async reply(id: number, topic: string, question: Message, from: string): Promise<Reply> {
    return replyOf(id, this.answer(topic, question, from))
  }

  /** Nobody waits for an answer; a failure is a bug of the one who hears. */
  hear(topic: string, message: Message, from: string): void {
    this.answer(topic, message, from).catch((error: unknown) => {
      process.emitWarning(error instanceof Error ? error : String(error))
    })
  }
}

/** Never rejects. */
export async function replyOf(id: number, answer: Promise<Message>): Promise<Reply> {
  try {
    return { kind: 'answer', id, body: await answer }
  } catch (error) {
    return { kind: 'refusal', id, message: error instanceof Error ? error.message : String(error) }
  }
}
