// Docker Hub's pull limit: manifest GETs count, HEADs do not, and every answer says what is left.
import { errorReply, type Reply } from './exchange.ts'

const MESSAGE =
  'You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limits'

export class RateLimit {
  readonly #windowSeconds: number
  readonly #counts = new Map<string, number>()
  #limit: number

  /** `limit` pulls for each account, and as many for all who have none. Infinity: no limit, no headers. */
  constructor(limit: number, windowSeconds = 21_600) {
    this.#limit = limit
    this.#windowSeconds = windowSeconds
  }

  /** Sets the limit anew and forgets what was counted. */
  reset(limit: number): void {
    this.#limit = limit
    this.#counts.clear()
  }

  remaining(account: string | undefined): number {
    return Math.max(0, this.#limit - (this.#counts.get(account ?? '') ?? 0))
  }

  /** Counts a pull. The reply to send instead, when nothing is left. */
  count(account: string | undefined): Reply | undefined {
    if (this.remaining(account) === 0)
      return errorReply(429, 'TOOMANYREQUESTS', MESSAGE, this.headers(account))
    const key = account ?? ''
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
    return undefined
  }

  headers(account: string | undefined): Record<string, string> {
    if (!Number.isFinite(this.#limit)) return {}
    return {
      'ratelimit-limit': `${this.#limit};w=${this.#windowSeconds}`,
      'ratelimit-remaining': `${this.remaining(account)};w=${this.#windowSeconds}`,
      'docker-ratelimit-source': account ?? '127.0.0.1',
    }
  }
}
