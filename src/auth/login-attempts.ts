// What is remembered of logins: how often they failed, and which passwords were right or wrong before.
import { randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'

/** An attempt to log in, in digests with {@link LoginAttempts.key}: names are as long as clients like, and no password is kept. */
export interface LoginAttempt {
  /** Of who presents what. */
  readonly credential: string
  /** What it counts for, if it fails: a key, and how many failures cost no delay. */
  readonly counters: readonly (readonly [string, number])[]
}

/** Was right before; was wrong before, and is no new guess; or is unknown, and counted as a failure until its end. */
export type Standing = 'right' | 'repeated' | 'counted'

/** How an attempt ended. Lenient: nobody knew the name, which is no failure. */
export type AttemptEnd = 'right' | 'wrong' | 'lenient' | 'undecided'

/** May be kept in another process. */
export interface LoginAttempts {
  readonly key: string
  /** How the attempt stands; or for how long (ms) no attempt is looked at. */
  begin(attempt: LoginAttempt): Promise<Standing | number>
  end(attempt: LoginAttempt, standing: Standing, how: AttemptEnd): Promise<void>
}

export interface LoginAttemptsOptions {
  /** After the last failure that is free; doubled by each that follows. Default 1 s. */
  readonly firstDelayMs?: number
  /** Default 5 minutes. */
  readonly maxDelayMs?: number
  /** For how many accounts and networks failures are counted; default 20,000. What was used longest ago goes first. */
  readonly maxEntries?: number
}

interface Failures {
  count: number
  /** No attempt is looked at before, on the clock of `performance.now()`. */
  closedUntil: number
}

/** Beyond the longest delay: without a failure for so long, all are forgotten. */
const FORGOTTEN_AFTER_MS = 15 * 60_000

export class LocalLoginAttempts implements LoginAttempts {
  readonly key = randomBytes(32).toString('hex')
  readonly #firstDelayMs: number
  readonly #maxDelayMs: number
  readonly #failures: LRUCache<string, Failures>
  readonly #knownRight: LRUCache<string, true>
  readonly #knownWrong: LRUCache<string, true>

  constructor(options: LoginAttemptsOptions = {}) {
    const { firstDelayMs = 1000, maxDelayMs = 5 * 60_000, maxEntries: max = 20_000 } = options
    this.#firstDelayMs = firstDelayMs
    this.#maxDelayMs = maxDelayMs
    this.#failures = new LRUCache({ max, ttl: maxDelayMs + FORGOTTEN_AFTER_MS, ttlResolution: 0 })
    this.#knownRight = new LRUCache({ max })
    this.#knownWrong = new LRUCache({ max, ttl: FORGOTTEN_AFTER_MS, ttlResolution: 0 })
  }

  async begin({ credential, counters }: LoginAttempt): Promise<Standing | number> {
    if (this.#knownRight.has(credential)) return 'right'
    const now = performance.now()
    const closedUntil = Math.max(...counters.map(([key]) => this.#failures.get(key)?.closedUntil ?? 0))
    if (closedUntil > now) return closedUntil - now
    // The same wrong password again is no guess: containerd sends it six times for each command.
    if (this.#knownWrong.has(credential)) return 'repeated'
    // Counted before it is known, so that many at once are not all the last free one.
    for (const [key, free] of counters) this.#count(key, free)
    return 'counted'
  }

  async end({ credential, counters }: LoginAttempt, standing: Standing, how: AttemptEnd): Promise<void> {
    if (how === 'right') this.#knownRight.set(credential, true)
    // That it could not be checked now says nothing against one that was right.
    else if (how !== 'undecided') this.#knownRight.delete(credential)
    if (standing === 'right') return
    if (how === 'right') for (const [key] of counters) this.#failures.delete(key)
    else if (how === 'wrong') this.#knownWrong.set(credential, true)
    else if (standing === 'counted') for (const [key] of counters) this.#takeBack(key)
  }

  #count(key: string, free: number): void {
    const { count, closedUntil } = this.#failures.get(key) ?? { count: 0, closedUntil: 0 }
    const penalties = count + 1 - free
    const delayMs = Math.min(this.#maxDelayMs, this.#firstDelayMs * 2 ** penalties)
    const until = penalties < 0 ? closedUntil : performance.now() + delayMs
    this.#failures.set(key, { count: count + 1, closedUntil: until })
  }

  /** An attempt that came to no end is none. */
  #takeBack(key: string): void {
    const known = this.#failures.get(key)
    if (!known) return
    if (known.count <= 1) this.#failures.delete(key)
    else this.#failures.set(key, { count: known.count - 1, closedUntil: 0 })
  }
}
