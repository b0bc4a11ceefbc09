// When access tokens were used last: noted in memory, written down now and then, never while a request waits.
import type { AccountStore } from './account-store.ts'

/** A token is written down at most so often. */
const PER_TOKEN_MS = 60_000
const FLUSH_MS = 5000

export interface TokenUsesOptions {
  readonly store: Pick<AccountStore, 'recordUses'>
  /** Told that uses could not be written down; they are noted again with the next use. */
  readonly onError?: (error: unknown) => void
}

export class TokenUses {
  readonly #options: TokenUsesOptions
  /** By id: when each was written down, or is going to be. */
  readonly #noted = new Map<string, number>()
  #pending: string[] = []
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(options: TokenUsesOptions) {
    this.#options = options
  }

  /** Cheap: called at every use. */
  note(id: string): void {
    const now = performance.now()
    const last = this.#noted.get(id)
    if (last !== undefined && now - last < PER_TOKEN_MS) return
    this.#noted.set(id, now)
    this.#pending.push(id)
    this.#timer ??= setTimeout(() => void this.flush(), FLUSH_MS).unref()
  }

  /** Writes down what was noted. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const ids = this.#pending
    this.#pending = []
    this.#forgetOld()
    if (ids.length > 0) this.#writing = this.#writing.then(() => this.#write(ids))
    return this.#writing
  }

  async #write(ids: readonly string[]): Promise<void> {
    try {
      await this.#options.store.recordUses(ids, new Date())
    } catch (error) {
      this.#options.onError?.(error)
    }
  }

  #forgetOld(): void {
    const limit = performance.now() - PER_TOKEN_MS
    for (const [id, at] of this.#noted) if (at < limit) this.#noted.delete(id)
  }
}
