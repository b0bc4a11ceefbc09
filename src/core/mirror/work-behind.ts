// Work that goes on behind an answer: so much at once and no more, once for each key, and waited for at the end.

const MAX_AT_ONCE = 64

export class WorkBehind {
  readonly #running = new Map<string, Promise<void>>()

  /** Does nothing where the work is under way, or there is too much already. `onFailure` must not throw. */
  start(key: string, work: () => Promise<unknown>, onFailure: (error: unknown) => Promise<void>): void {
    if (this.#running.has(key) || this.#running.size >= MAX_AT_ONCE) return
    const running = work()
      .then(() => undefined, onFailure)
      .finally(() => this.#running.delete(key))
    this.#running.set(key, running)
  }

  async close(): Promise<void> {
    await Promise.all(this.#running.values())
  }
}
