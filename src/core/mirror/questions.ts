// Questions to the upstream that outlast the patience of those who ask, so that the answer is there for the next one.
import { UpstreamUnavailableError } from '../../upstream/errors.ts'

const MAX_AT_ONCE = 64

export class Questions<Answer> {
  readonly #running = new Map<string, Promise<Answer>>()

  /** Nobody should ask for something that is not needed at once. */
  get isBusy(): boolean {
    return this.#running.size >= MAX_AT_ONCE
  }

  /** Asks, or joins those who wait for the same answer. Rejects as timed out after `patienceMs`; the question goes on. */
  async ask(key: string, patienceMs: number, work: () => Promise<Answer>): Promise<Answer> {
    const late = Promise.withResolvers<never>()
    const timer = setTimeout(() => {
      late.reject(new UpstreamUnavailableError('the upstream did not answer in time', { timedOut: true }))
    }, patienceMs)
    try {
      return await Promise.race([this.begin(key, work), late.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Asks, or joins those who wait for the same answer. */
  begin(key: string, work: () => Promise<Answer>): Promise<Answer> {
    const running = this.#running.get(key)
    if (running) return running
    const begun = work().finally(() => this.#running.delete(key))
    this.#running.set(key, begun)
    return begun
  }

  /** Waits for the end of all. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#running.values())
  }
}
