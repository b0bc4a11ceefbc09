// What can go wrong with an upstream registry, told apart by what it means to whoever asked.
import type { RateLimit } from './rate-limit.ts'

/** What an upstream's error body says, if it is one of the specification (distribution-spec "Error Codes"). */
export interface UpstreamFault {
  readonly code: string
  readonly message: string
  readonly detail: unknown
}

export interface UpstreamErrorOptions {
  cause?: unknown
  /** HTTP status of the upstream's answer, when there was one. */
  status?: number
  fault?: UpstreamFault
  retryAfterSeconds?: number
  rateLimit?: RateLimit
  /** The upstream did not answer in time. */
  timedOut?: boolean
  /** Who failed: `https://registry.example.com`. */
  origin?: string
}

/** Any failure of an upstream. Messages are for the log: they may name the upstream, never a credential. */
export class UpstreamError extends Error {
  readonly code: string = 'UPSTREAM_ERROR'
  readonly status: number | undefined
  readonly fault: UpstreamFault | undefined
  /** Seconds to wait before the next try, as the upstream asked for. */
  readonly retryAfterSeconds: number | undefined
  /** What the answer told of the upstream's quota. */
  readonly rateLimit: RateLimit | undefined
  /** Who answered so, or failed: the upstream, its token service, or where it sent us. */
  readonly origin: string | undefined

  constructor(message: string, options: UpstreamErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.status = options.status
    this.fault = options.fault
    this.retryAfterSeconds = options.retryAfterSeconds
    this.rateLimit = options.rateLimit
    this.origin = options.origin
  }
}

/** The upstream does not have it. */
export class UpstreamNotFoundError extends UpstreamError {
  override readonly name = 'UpstreamNotFoundError'
  override readonly code = 'UPSTREAM_NOT_FOUND'
}

/** The upstream wants a login that we do not have, or refuses the one we have. */
export class UpstreamUnauthorizedError extends UpstreamError {
  override readonly name = 'UpstreamUnauthorizedError'
  override readonly code = 'UPSTREAM_UNAUTHORIZED'
}

/** The upstream knows us and says no. */
export class UpstreamDeniedError extends UpstreamError {
  override readonly name = 'UpstreamDeniedError'
  override readonly code = 'UPSTREAM_DENIED'
}

/** The upstream's quota is used up (429). */
export class UpstreamRateLimitedError extends UpstreamError {
  override readonly name = 'UpstreamRateLimitedError'
  override readonly code = 'UPSTREAM_RATE_LIMITED'
}

/** The upstream can not be reached, does not answer in time, breaks off or answers 5xx: later it may work. */
export class UpstreamUnavailableError extends UpstreamError {
  override readonly name = 'UpstreamUnavailableError'
  override readonly code = 'UPSTREAM_UNAVAILABLE'
  readonly timedOut: boolean

  constructor(message: string, options: UpstreamErrorOptions = {}) {
    super(message, options)
    this.timedOut = options.timedOut ?? false
  }
}

/** The upstream answered something that must not be believed: a wrong digest, too many bytes, no manifest at all. */
export class UpstreamInvalidAnswerError extends UpstreamError {
  override readonly name = 'UpstreamInvalidAnswerError'
  override readonly code = 'UPSTREAM_INVALID_ANSWER'
}

/** The upstream refuses the request itself (any other 4xx): asking again does not help. */
export class UpstreamRejectedError extends UpstreamError {
  override readonly name = 'UpstreamRejectedError'
  override readonly code = 'UPSTREAM_REJECTED'
}

/** Whether the upstream could be asked and said no: a login, permission or name that is wrong. */
export function isRefusal(error: unknown): boolean {
  return (
    error instanceof UpstreamUnauthorizedError ||
    error instanceof UpstreamDeniedError ||
    error instanceof UpstreamNotFoundError
  )
}
