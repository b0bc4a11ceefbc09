// The contract between the processes of one gateway: its workers, and the primary that started them.

/** What can cross from process to process. */
export type Message =
  null | boolean | number | string | readonly Message[] | { readonly [key: string]: Message }

/** Answers a question of the process `from`. What it throws rejects the question with the same message. */
export type Answerer = (question: Message, from: string) => Message | Promise<Message>

export interface Peers {
  /** This process among its peers; never used again by another one. */
  readonly id: string
  readonly isPrimary: boolean
  /**
   * Asks every other process. Resolves with the answers once each has answered or is gone; one that stopped answering is
   * ended by the primary, so a question always comes to an end. Rejects when a process rejects it.
   */
  ask(topic: string, question: Message): Promise<readonly Message[]>
  /** Asks the primary; the primary itself is answered by its own {@link answer}. Rejects when it is gone. */
  askPrimary(topic: string, question: Message): Promise<Message>
  /** Tells every other process, in order, and waits for none. */
  tell(topic: string, message: Message): void
  /** Answers, or hears, what others ask and tell on a topic: one answerer for each topic. Topics nobody answers are answered `null`. */
  answer(topic: string, answerer: Answerer): void
  /** Calls back when a process is gone, with its id: what it held is free, what it knew is lost. */
  onGone(listener: (id: string) => void): void
}

/** The peers of a process that is alone. */
export function noPeers(): Peers {
  const answerers = new Map<string, Answerer>()
  return {
    id: 'alone',
    isPrimary: true,
    ask: async () => [],
    askPrimary: async (topic, question) => (await answerers.get(topic)?.(question, 'alone')) ?? null,
    tell: () => {},
    answer: (topic, answerer) => void answerers.set(topic, answerer),
    onGone: () => {},
  }
}
