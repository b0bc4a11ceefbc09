// Slows guessing down: after a few failed logins to an account, each further attempt has to wait, longer every time.
import { hash, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { isTokenText } from './accounts/token-text.ts'
import { InvalidCredentialError, LoginThrottledError } from './authenticator.ts'
import { siteOf } from './client-network.ts'
import { isJwtText } from './jwt-text.ts'
import type { Login } from './login-backend.ts'
import type { Verdict } from './verified-credentials.ts'

export interface LoginThrottleOptions {
  /** Failures that cost no delay: people mistype. Default 5. */
  readonly freeFailures?: number
  /** After the last of these; doubled by each failure that follows. Default 1 s. */
  readonly firstDelayMs?: number
  /** Default 5 minutes. */
  readonly maxDelayMs?: number
  /** For how many accounts and networks failures are counted; default 20,000. What was used longest ago goes first. */
  readonly maxEntries?: number
}

interface Logins {
  /** See {@link LoginBackend.check}. */
  check(login: Login): Promise<Verdict | undefined>
}

/** What one network, or one site, did to one account. */
interface Attempts {
  failures: number
  /** No attempt is looked at before, on the clock of `performance.now()`. */
  closedUntil: number
}

interface Counter {
  readonly key: string
  readonly freeFailures: number
  readonly attempts: Attempts
}

/** So many times the free failures of one network a whole site has. */
const SITE_FACTOR = 8
/** Beyond the longest delay: without a failure for so long, all are forgotten. */
const FORGOTTEN_AFTER_MS = 15 * 60_000

/**
 * Counts by account and network: who guesses keeps nobody out but those beside him, and of these nobody who logged in
 * with the same password before. A name that is nobody's is counted alike.
 */
export class LoginThrottle {
  readonly #logins: Logins
  readonly #freeFailures: number
  readonly #firstDelayMs: number
  readonly #maxDelayMs: number
  // Both by digests: names are as long as clients like, and no password is kept.
  readonly #key = randomBytes(32).toString('hex')
  readonly #attempts: LRUCache<string, Attempts>
  readonly #knownGood: LRUCache<string, true>
  readonly #knownBad: LRUCache<string, true>

  constructor(logins: Logins, options: LoginThrottleOptions = {}) {
    const { freeFailures = 5, firstDelayMs = 1000, maxDelayMs = 5 * 60_000, maxEntries = 20_000 } = options
    this.#logins = logins
    this.#freeFailures = freeFailures
    this.#firstDelayMs = firstDelayMs
    this.#maxDelayMs = maxDelayMs
    this.#attempts = new LRUCache({ max: maxEntries, ttl: maxDelayMs + FORGOTTEN_AFTER_MS, ttlResolution: 0 })
    this.#knownGood = new LRUCache({ max: maxEntries })
    this.#knownBad = new LRUCache({ max: maxEntries, ttl: FORGOTTEN_AFTER_MS, ttlResolution: 0 })
  }

  /** What the logins answer. Rejects as they do, and with {@link LoginThrottledError} before they are asked. */
  async check(login: Login): Promise<Verdict | undefined> {
    // Nobody guesses those; one that was revoked, or has expired, must not keep the good ones of the same name out.
    if (isTokenText(login.password) || isJwtText(login.password)) return this.#logins.check(login)
    const credential = this.#digest(login.network, login.name, login.password)
    if (this.#knownGood.has(credential)) return this.#ask(login, credential)
    const counters = this.#countersOf(login)
    for (const { attempts } of counters) requireOpen(attempts)
    // The same wrong password again is no guess: containerd sends it six times for each command.
    const isRepeated = this.#knownBad.has(credential)
    if (!isRepeated) for (const counter of counters) this.#countFailure(counter)
    const takeBack = () => {
      if (!isRepeated) for (const counter of counters) this.#takeBack(counter)
    }
    try {
      const verdict = await this.#ask(login, credential)
      if (verdict) for (const { key } of counters) this.#attempts.delete(key)
      else if (login.isLenient === true) takeBack()
      else this.#knownBad.set(credential, true)
      return verdict
    } catch (error) {
      if (error instanceof InvalidCredentialError) this.#knownBad.set(credential, true)
      else takeBack()
      throw error
    }
  }

  async #ask(login: Login, credential: string): Promise<Verdict | undefined> {
    let isGood = false
    try {
      const verdict = await this.#logins.check(login)
      isGood = verdict !== undefined
      return verdict
    } catch (error) {
      // That it could not be checked now says nothing against it.
      isGood = !(error instanceof InvalidCredentialError) && this.#knownGood.has(credential)
      throw error
    } finally {
      if (isGood) this.#knownGood.set(credential, true)
      else this.#knownGood.delete(credential)
    }
  }

  /** Counted before it is known, so that many at once are not all the last free one. */
  #countFailure({ key, attempts, freeFailures }: Counter): void {
    const penalties = ++attempts.failures - freeFailures
    if (penalties >= 0) {
      const delayMs = Math.min(this.#maxDelayMs, this.#firstDelayMs * 2 ** penalties)
      attempts.closedUntil = performance.now() + delayMs
    }
    this.#attempts.set(key, attempts)
  }

  /** An attempt that came to no end is none. */
  #takeBack({ key, attempts }: Counter): void {
    attempts.failures--
    attempts.closedUntil = 0
    if (attempts.failures === 0) this.#attempts.delete(key)
  }

  /** One for the network, and where its site has more of them one for all of these together. */
  #countersOf({ network = '', name }: Login): Counter[] {
    const [site, account] = [siteOf(network), skeletonOf(name)]
    const counterOf = (source: string, freeFailures: number): Counter => {
      const key = this.#digest(source, account)
      return { key, freeFailures, attempts: this.#attempts.get(key) ?? { failures: 0, closedUntil: 0 } }
    }
    const own = counterOf(network, this.#freeFailures)
    return site === network ? [own] : [own, counterOf(site, this.#freeFailures * SITE_FACTOR)]
  }

  #digest(network = '', ...parts: string[]): string {
    return hash('sha256', JSON.stringify([this.#key, network, ...parts]), 'base64')
  }
}

/**
 * One text for all spellings that a directory may take for the same name (RFC 4518; some ignore accents too): guesses at one
 * account must not count as guesses at many.
 */
function skeletonOf(name: string): string {
  const letters = name.normalize('NFKD').replaceAll(/[\s\p{M}\p{Cf}\p{Default_Ignorable_Code_Point}]/gu, '')
  return letters.toUpperCase().toLowerCase()
}

function requireOpen({ closedUntil }: Attempts): void {
  const waitMs = closedUntil - performance.now()
  if (waitMs > 0) throw new LoginThrottledError(Math.ceil(waitMs / 1000))
}
