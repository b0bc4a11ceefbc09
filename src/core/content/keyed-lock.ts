// One piece of work at a time for each key.

/** Work under one key waits for the work that was given before it; other keys are not held up. */
export class KeyedLock {
  readonly #tails = new Map<string, Promise<unknown>>()

  run<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#tails.get(key)
    const result = before === undefined ? work() : before.then(work)
    // What failed must not fail those who wait.
    const end = (): void => this.#end(key, tail)
    const tail: Promise<void> = result.then(end, end)
    this.#tails.set(key, tail)
    return result
  }

  #end(key: string, tail: Promise<unknown>): void {
    if (this.#tails.get(key) === tail) this.#tails.delete(key)
  }
}
