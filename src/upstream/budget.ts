// What is left of an upstream's quota, and how long it wants to be left alone: both as its own answers tell.
import { UpstreamRateLimitedError, UpstreamUnavailableError, type UpstreamError } from './errors.ts'
import type { RateLimit } from './rate-limit.ts'

/** A quota and when the upstream told of it. */
export interface KnownQuota extends RateLimit {
  /** Milliseconds since 1970. */
  readonly seenAt: number
}

/** What those may know who ask an upstream, or decide whether to. */
export interface Budget {
  /** What is left of the quota, from 0 to 1; 1 where the upstream names none, and once its window has passed. */
  remainingShare(): number
  /** Whether only the reserve is left: it is for what nobody has yet, so that what can wait should. */
  isReserveOnly(): boolean
  /** Undefined until the upstream has named one, and once its window has passed. */
  quota(): KnownQuota | undefined
  /** Milliseconds until the upstream may be asked again, as its `Retry-After` said; 0: now. */
  quietMs(): number
}

export interface BudgetOptions {
  /** The part of the quota, from 0 to 1, that {@link Budget.isReserveOnly} speaks of; default 0.1. */
  readonly reserve?: number
  readonly now?: () => number
}

/** What a request is, as upstreams count them: Docker Hub counts GETs of manifests and nothing else. */
export type RequestKind = 'pull' | 'other'

/** What a 429 or 503 told, for those who would ask again too soon. */
interface Quiet {
  readonly until: number
  readonly error: UpstreamError
}

/** One who asks for a longer rest is asked again after this: it may be a mistake that nobody would notice. */
const MAX_QUIET_SECONDS = 3600
/** A quota without a window is believed for so long. */
const DEFAULT_WINDOW_SECONDS = 3600

export class RequestBudget implements Budget {
  readonly #reserve: number
  readonly #now: () => number
  readonly #quiet = new Map<RequestKind, Quiet>()
  #quota: KnownQuota | undefined

  constructor({ reserve = 0.1, now = Date.now }: BudgetOptions = {}) {
    this.#reserve = reserve
    this.#now = now
  }

  remainingShare(): number {
    const quota = this.quota()
    if (quota === undefined) return 1
    return quota.limit === 0 ? 0 : Math.min(1, quota.remaining / quota.limit)
  }

  isReserveOnly(): boolean {
    return this.quota() !== undefined && this.remainingShare() <= this.#reserve
  }

  quota(): KnownQuota | undefined {
    const quota = this.#quota
    if (quota === undefined) return undefined
    const windowMs = (quota.windowSeconds ?? DEFAULT_WINDOW_SECONDS) * 1000
    return this.#now() - quota.seenAt < windowMs ? quota : undefined
  }

  quietMs(kind: RequestKind = 'pull'): number {
    return Math.max(0, (this.#quietFor(kind)?.until ?? 0) - this.#now())
  }

  /** Takes note of what an answer told of the quota. */
  learn(rateLimit: RateLimit | undefined): void {
    if (rateLimit) this.#quota = { ...rateLimit, seenAt: this.#now() }
  }

  /** Takes note of a refusal that says when to ask again. */
  refused(kind: RequestKind, error: UpstreamError): void {
    const { retryAfterSeconds = 0, status } = error
    if (retryAfterSeconds === 0 || (status !== 429 && status !== 503)) return
    // Who is refused what costs nothing is wanted to stop altogether.
    const refused = kind === 'pull' && status === 429 ? 'pull' : 'other'
    const until = this.#now() + Math.min(retryAfterSeconds, MAX_QUIET_SECONDS) * 1000
    this.#quiet.set(refused, { until, error })
  }

  /** Rejects, as the upstream would, what it does not want to be asked yet. */
  check(kind: RequestKind): void {
    const quiet = this.#quietFor(kind)
    if (!quiet) return
    const { status, rateLimit } = quiet.error
    const retryAfterSeconds = Math.ceil((quiet.until - this.#now()) / 1000)
    const options = { cause: quiet.error, retryAfterSeconds, ...(status === undefined ? {} : { status }) }
    const message = `not asked for another ${retryAfterSeconds} s: ${quiet.error.message}`
    if (status === 503) throw new UpstreamUnavailableError(message, options)
    throw new UpstreamRateLimitedError(message, { ...options, ...(rateLimit ? { rateLimit } : {}) })
  }

  #quietFor(kind: RequestKind): Quiet | undefined {
    const now = this.#now()
    const kinds: readonly RequestKind[] = kind === 'pull' ? ['other', 'pull'] : ['other']
    return kinds
      .map((each) => this.#quiet.get(each))
      .find((quiet) => quiet !== undefined && quiet.until > now)
  }
}
