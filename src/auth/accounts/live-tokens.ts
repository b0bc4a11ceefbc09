// The access tokens that are good now, in memory, never much older than the store.
import { setTimeout as pause } from 'node:timers/promises'
import { PatternsCeiling } from '../../access/patterns-ceiling.ts'
import type { AccessToken, AccountStore, TokensChange, TokensMark } from './account-store.ts'

/** A token as it is used. */
export interface LiveToken extends Pick<
  AccessToken,
  'id' | 'secretHash' | 'name' | 'owner' | 'ownerState' | 'expiresAt'
> {
  readonly ceiling: PatternsCeiling
  /** One word for this very token, which nobody outside knows. */
  readonly state: string
}

export interface LiveTokensOptions {
  readonly store: Pick<AccountStore, 'readTokens' | 'onChange'>
  /** How often others' changes are looked for; default 300 ms. */
  readonly pollMs?: number
  /** Older than that, nothing is known: a token may have been revoked meanwhile. Default 3 s. */
  readonly maxAgeMs?: number
  /** How long a change that must be known is waited for; default 2 s. */
  readonly patienceMs?: number
  /** Told once when the store can not be read any more. */
  readonly onLost?: (error: unknown) => void
  /** Told once when it can be read again. */
  readonly onFound?: () => void
  /** The clock that tokens expire by, in ms; for tests. */
  readonly now?: () => number
}

export class LiveTokens {
  readonly #options: LiveTokensOptions
  readonly #now: () => number
  readonly #tokens = new Map<string, LiveToken>()
  readonly #stopListening: () => void
  #mark: TokensMark | undefined
  /** When the last successful reading began, on the clock of `performance.now()`. */
  #readAt = Number.NEGATIVE_INFINITY
  /** A reading that began before is too old, on the same clock. */
  #notBefore = Number.NEGATIVE_INFINITY
  #reading: Promise<void> | undefined
  #isReadingAgain = false
  #isLost = false
  #isClosed = false
  #timer: NodeJS.Timeout | undefined

  /** Resolves after the first reading, also when that failed: the store may be back any time. */
  static async open(options: LiveTokensOptions): Promise<LiveTokens> {
    const tokens = new LiveTokens(options)
    await tokens.#read()
    return tokens
  }

  private constructor(options: LiveTokensOptions) {
    this.#options = options
    this.#now = options.now ?? (() => Date.now())
    this.#stopListening = options.store.onChange(() => {
      this.#isReadingAgain = true
      void this.#read()
    })
  }

  /** Whether what is known is new enough to go by. */
  get isCurrent(): boolean {
    if (this.#readAt < this.#notBefore) return false
    return performance.now() - this.#readAt <= (this.#options.maxAgeMs ?? 3000)
  }

  /** The token of that id; undefined when there is none, when it has expired or was revoked, and when nothing is known. */
  get(id: string): LiveToken | undefined {
    const token = this.#tokens.get(id)
    return token && this.isCurrent && !this.#hasExpired(token) ? token : undefined
  }

  /** Resolves when everything that the store was told before the call is known here, if the store can be read. */
  async catchUp(): Promise<void> {
    await this.#reading
    await this.#read()
  }

  /**
   * Resolves, within the patience, when everything that the store was told before the call is known here, or nothing is:
   * until a later reading succeeds no token is good. Never rejects.
   */
  async settle(): Promise<void> {
    const askedAt = performance.now()
    await Promise.race([this.catchUp(), pause(this.#options.patienceMs ?? 2000, undefined, { ref: false })])
    this.#notBefore = Math.max(this.#notBefore, askedAt)
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#stopListening()
  }

  /** One at a time: an older reading must not undo a newer one. */
  #read(): Promise<void> {
    this.#reading ??= this.#readOnce().finally(() => {
      this.#reading = undefined
      if (this.#isClosed) return
      clearTimeout(this.#timer)
      const { pollMs = 300 } = this.#options
      this.#timer = setTimeout(() => void this.#read(), this.#isReadingAgain ? 0 : pollMs).unref()
    })
    return this.#reading
  }

  async #readOnce(): Promise<void> {
    this.#isReadingAgain = false
    const began = performance.now()
    try {
      this.#take(await this.#options.store.readTokens(this.#mark))
      this.#readAt = began
      if (this.#isLost) this.#options.onFound?.()
      this.#isLost = false
    } catch (error) {
      if (!this.#isLost) this.#options.onLost?.(error)
      this.#isLost = true
    }
  }

  #take({ mark, isComplete, tokens }: TokensChange): void {
    if (isComplete) this.#tokens.clear()
    for (const token of tokens) {
      if (token.revokedAt || this.#hasExpired(token)) this.#tokens.delete(token.id)
      else this.#tokens.set(token.id, toLive(token))
    }
    this.#mark = mark
  }

  #hasExpired({ expiresAt }: Pick<AccessToken, 'expiresAt'>): boolean {
    return expiresAt !== undefined && expiresAt.getTime() <= this.#now()
  }

  /** Lets go of tokens that have expired; to be called now and then. */
  forgetExpired(): void {
    for (const token of this.#tokens.values()) if (this.#hasExpired(token)) this.#tokens.delete(token.id)
  }

  /** How many tokens are kept in memory. */
  get size(): number {
    return this.#tokens.size
  }
}

function toLive(token: AccessToken): LiveToken {
  const { id, secretHash, name, owner, ownerState, expiresAt } = token
  const state = Buffer.from(secretHash).toString('base64url')
  return { id, secretHash, name, owner, ownerState, expiresAt, ceiling: new PatternsCeiling(token), state }
}
