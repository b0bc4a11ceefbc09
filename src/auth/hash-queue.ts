// How many password hashes are computed at once, how many may wait, and whose turn it is.
import { AuthenticationBusyError } from './authenticator.ts'

const RETRY_AFTER_SECONDS = 2

export interface HashQueueOptions {
  /** Default 2: of most machines' cores that leaves some to everybody else. */
  concurrency?: number
  /** Default 64. */
  maxWaiting?: number
  /** Default 16: enough for the machines behind one address that log in at once. */
  maxWaitingPerSource?: number
}

interface Waiting {
  readonly start: () => void
  readonly refuse: (error: AuthenticationBusyError) => void
}

/**
 * Runs work a few at a time. The sources of work take turns, so that one of them can guess passwords without holding up
 * the logins of the others; what comes when too much waits is refused.
 */
export class HashQueue {
  readonly #concurrency: number
  readonly #maxWaiting: number
  readonly #maxWaitingPerSource: number
  /** By source; the source whose turn is next comes first. No line is empty. */
  readonly #lines = new Map<string, Waiting[]>()
  #waiting = 0
  #running = 0

  constructor({ concurrency = 2, maxWaiting = 64, maxWaitingPerSource = 16 }: HashQueueOptions = {}) {
    this.#concurrency = concurrency
    this.#maxWaiting = maxWaiting
    this.#maxWaitingPerSource = maxWaitingPerSource
  }

  /**
   * What `work` answers, when its turn has come. Rejects with {@link AuthenticationBusyError}: at once when the queue is
   * full, and later when its place goes to a source that waits for less.
   */
  async run<Value>(work: () => Promise<Value>, source = ''): Promise<Value> {
    if (this.#running < this.#concurrency) this.#running++
    else await this.#turn(source)
    try {
      return await work()
    } finally {
      // The place is handed over, so that a newcomer can not slip in between.
      const next = this.#takeNext()
      if (next) next.start()
      else this.#running--
    }
  }

  #turn(source: string): Promise<void> {
    const line = this.#lines.get(source) ?? []
    if (line.length >= this.#maxWaitingPerSource || !this.#makeRoom(line.length))
      throw new AuthenticationBusyError(RETRY_AFTER_SECONDS)
    return new Promise((start, refuse) => {
      line.push({ start, refuse })
      this.#lines.set(source, line)
      this.#waiting++
    })
  }

  /** Whether a source that waits for `own` may wait for one more: in a full queue the longest line loses its last. */
  #makeRoom(own: number): boolean {
    if (this.#waiting < this.#maxWaiting) return true
    const [longest] = [...this.#lines.values()].toSorted((one, other) => other.length - one.length)
    if (!longest || longest.length <= own + 1) return false
    longest.pop()?.refuse(new AuthenticationBusyError(RETRY_AFTER_SECONDS))
    this.#waiting--
    return true
  }

  #takeNext(): Waiting | undefined {
    const [first] = this.#lines
    if (!first) return undefined
    const [source, line] = first
    const next = line.shift()
    // Its next one waits until every other source had a turn.
    this.#lines.delete(source)
    if (line.length > 0) this.#lines.set(source, line)
    this.#waiting--
    return next
  }
}
