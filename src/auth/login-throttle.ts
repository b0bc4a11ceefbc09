// Slows guessing down: after a few failed logins to an account, each further attempt has to wait, longer every time.
import { hash } from 'node:crypto'
import { isTokenText } from './accounts/token-text.ts'
import { InvalidCredentialError, LoginThrottledError } from './authenticator.ts'
import { siteOf } from './client-network.ts'
import { isJwtText } from './jwt-text.ts'
import {
  LocalLoginAttempts,
  type AttemptEnd,
  type LoginAttempt,
  type LoginAttempts,
  type LoginAttemptsOptions,
} from './login-attempts.ts'
import type { Login } from './login-backend.ts'
import type { Verdict } from './verified-credentials.ts'

export interface LoginThrottleOptions extends LoginAttemptsOptions {
  /** Failures that cost no delay: people mistype. Default 5. */
  readonly freeFailures?: number
  /** Where attempts are counted; by default in this process. */
  readonly attempts?: LoginAttempts | undefined
}

interface Logins {
  /** See {@link LoginBackend.check}. */
  check(login: Login): Promise<Verdict | undefined>
}

/** So many times the free failures of one network a whole site has. */
const SITE_FACTOR = 8

/**
 * Counts by account and network: who guesses keeps nobody out but those beside him, and of these nobody who logged in
 * with the same password before. A name that is nobody's is counted alike.
 */
export class LoginThrottle {
  readonly #logins: Logins
  readonly #freeFailures: number
  readonly #attempts: LoginAttempts

  constructor(logins: Logins, options: LoginThrottleOptions = {}) {
    this.#logins = logins
    this.#freeFailures = options.freeFailures ?? 5
    this.#attempts = options.attempts ?? new LocalLoginAttempts(options)
  }

  /** What the logins answer. Rejects as they do, and with {@link LoginThrottledError} before they are asked. */
  async check(login: Login): Promise<Verdict | undefined> {
    // Nobody guesses those; one that was revoked, or has expired, must not keep the good ones of the same name out.
    if (isTokenText(login.password) || isJwtText(login.password)) return this.#logins.check(login)
    const attempt = this.#attemptOf(login)
    const standing = await this.#attempts.begin(attempt)
    if (typeof standing === 'number') throw new LoginThrottledError(Math.ceil(standing / 1000))
    const end = (how: AttemptEnd) => this.#attempts.end(attempt, standing, how)
    try {
      const verdict = await this.#logins.check(login)
      await end(verdict ? 'right' : login.isLenient === true ? 'lenient' : 'wrong')
      return verdict
    } catch (error) {
      await end(error instanceof InvalidCredentialError ? 'wrong' : 'undecided')
      throw error
    }
  }

  /** Counts for the network, and where its site has more of them for all of these together. */
  #attemptOf({ network = '', name, password }: Login): LoginAttempt {
    const [site, account] = [siteOf(network), skeletonOf(name)]
    const own = [this.#digest(network, account), this.#freeFailures] as const
    const all = [this.#digest(site, account), this.#freeFailures * SITE_FACTOR] as const
    return {
      credential: this.#digest(network, name, password),
      counters: site === network ? [own] : [own, all],
    }
  }

  #digest(...parts: string[]): string {
    return hash('sha256', JSON.stringify([this.#attempts.key, ...parts]), 'base64')
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
