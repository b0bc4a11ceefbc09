// How many password hashes are computed at once, and how many may wait.
import { AuthenticationBusyError } from './authenticator.ts'

const RETRY_AFTER_SECONDS = 2

export interface HashQueueOptions {
  /** Default 2: more would take libuv's thread pool from the file system. */
  concurrency?: number
  /** Default 64. */
  maxWaiting?: number
}

/** Runs work a few at a time, in the order it came; refuses what comes when too much waits. */
export class HashQueue {
  readonly #concurrency: number
  readonly #maxWaiting: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor({ concurrency = 2, maxWaiting = 64 }: HashQueueOptions = {}) {
    this.#concurrency = concurrency
    this.#maxWaiting = maxWaiting
  }

  /** What `work` answers, when its turn has come. Rejects at once with {@link AuthenticationBusyError} when the queue is full. */
  async run<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.#running < this.#concurrency) this.#running++
    else await this.#turn()
    try {
      return await work()
    } finally {
      // The place is handed over, so that a newcomer can not slip in between.
      const next = this.#waiting.shift()
      if (next) next()
      else this.#running--
    }
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= this.#maxWaiting) throw new AuthenticationBusyError(RETRY_AFTER_SECONDS)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }
}
