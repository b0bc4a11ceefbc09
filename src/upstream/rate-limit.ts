// What an upstream says about its quota: `ratelimit-*` and `Retry-After`. No figure is known beforehand.

/** An upstream's quota as one answer told it: Docker Hub sends it with every manifest, also for HEAD. */
export interface RateLimit {
  /** Requests per window. */
  readonly limit: number
  readonly remaining: number
  readonly windowSeconds: number | undefined
  /** Whom the upstream counts: an address or an account. */
  readonly source: string | undefined
}

export type HeaderLookup = (name: string) => string | undefined

/** Longer waits are not believed. */
const MAX_RETRY_AFTER_SECONDS = 86_400

/** Reads `ratelimit-limit: 100;w=21600` and its kin; undefined when the upstream names no quota. */
export function readRateLimit(header: HeaderLookup): RateLimit | undefined {
  const limit = readCount(header('ratelimit-limit'))
  const remaining = readCount(header('ratelimit-remaining'))
  if (limit === undefined || remaining === undefined) return undefined
  return {
    limit: limit.count,
    remaining: remaining.count,
    windowSeconds: limit.windowSeconds ?? remaining.windowSeconds,
    source: header('docker-ratelimit-source'),
  }
}

/** Seconds to wait: `Retry-After` as a number or a date (RFC 9110 §10.2.3). Undefined when absent or malformed. */
export function readRetryAfter(value: string | undefined, now = Date.now()): number | undefined {
  if (value === undefined) return undefined
  const text = value.trim()
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : Math.ceil((Date.parse(text) - now) / 1000)
  return Number.isNaN(seconds) ? undefined : Math.min(Math.max(0, seconds), MAX_RETRY_AFTER_SECONDS)
}

function readCount(
  value: string | undefined,
): { count: number; windowSeconds: number | undefined } | undefined {
  const match = /^\s*(\d{1,12})\s*(?:;\s*w=(\d{1,12}))?/.exec(value ?? '')
  if (!match) return undefined
  return { count: Number(match[1]), windowSeconds: match[2] === undefined ? undefined : Number(match[2]) }
}
