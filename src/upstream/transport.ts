// One HTTP exchange with an upstream: connections with deadlines, network failures as UpstreamUnavailableError.
import { request as undiciRequest } from 'undici'
import type { Readable } from 'node:stream'
import { ForbiddenAddressError, type Resolve } from './dials.ts'
import { UpstreamInvalidAnswerError, UpstreamUnavailableError } from './errors.ts'
import { Pools, type ProxyOptions } from './pools.ts'
import { joinedTls, type TlsMaterial, type TlsSource } from './tls-files.ts'

export interface TransportOptions {
  /** PEM of the authorities that sign the upstream's certificate, in place of the system's. */
  ca?: string | Buffer
  /** The same where it may change, in place of `ca`. */
  tls?: TlsSource
  /** Our own certificate, shown to the upstream alone: a login like any other. */
  identity?: TlsSource
  /** None by default. */
  proxy?: ProxyOptions
  /** Origins that the upstream may send us to although they lie on this machine or in its network. */
  allowedRedirects?: readonly string[]
  /** Default 5 s. */
  connectTimeoutMs?: number
  /** From the request's end to the answer's headers; default 15 s. */
  headersTimeoutMs?: number
  /** Between two pieces of an answer's body; default 30 s. */
  idleTimeoutMs?: number
  /** Connections per origin; default 128. */
  maxConnections?: number
  /** Finds the addresses of host names; the system's resolver by default. */
  resolve?: Resolve
}

export interface TransportRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly signal?: AbortSignal
}

export interface TransportResponse {
  /** Whom the answer came from, after redirects. */
  readonly url: URL
  readonly status: number
  /** The header's value, several lines joined by commas. */
  readonly header: (name: string) => string | undefined
  /** To be read to its end, destroyed, or given to {@link discard}. */
  readonly body: Readable
  /** Lets go of the body; the connection is kept when little is left of it. */
  discard(): Promise<void>
}

/** Sends requests. Rejects with {@link UpstreamUnavailableError}, or with the signal's reason once it is aborted. */
export interface Transport {
  readonly send: (request: TransportRequest) => Promise<TransportResponse>
  close(): Promise<void>
}

/** How much of an unwanted body is read so that its connection can be used again. */
const MAX_DISCARDED_BYTES = 64 * 1024

/** A kept connection that the upstream had just closed: an idempotent request is safe to send again (RFC 9110 §9.2.2). */
const CLOSED_EARLY = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'])

/** What is asked of another origin than `upstream`'s was named by the upstream, and must not lie where it may not lead. */
export function createTransport(upstream: URL, options: TransportOptions = {}): Transport {
  const { connectTimeoutMs = 5_000, headersTimeoutMs = 15_000, idleTimeoutMs = 30_000 } = options
  const { ca, maxConnections = 128 } = options
  const tls = joinedTls(options.tls ?? fixedTls(ca), options.identity)
  const limits = { ...options, connectTimeoutMs, headersTimeoutMs, idleTimeoutMs, maxConnections }
  let opened: { readonly pools: Pools; readonly material: TlsMaterial } | undefined
  // A request may also wait for a free connection, which the agent itself sets no deadline for.
  const deadlineMs = connectTimeoutMs + headersTimeoutMs

  /** What has changed on disk is in force for the next connection; requests that run keep theirs. */
  async function currentPools(): Promise<Pools> {
    const material = await tls()
    if (opened?.material === material) return opened.pools
    void opened?.pools.retire().catch(() => {})
    opened = { pools: new Pools(upstream, limits, material), material }
    return opened.pools
  }

  async function exchange(request: TransportRequest): Promise<TransportResponse> {
    const pools = await currentPools()
    const deadline = new AbortController()
    const timer = setTimeout(() => deadline.abort(), deadlineMs)
    const signals = request.signal ? [request.signal, deadline.signal] : [deadline.signal]
    try {
      const answer = await undiciRequest(request.url, {
        dispatcher: pools.for(request.url),
        method: request.method,
        headers: request.headers,
        body: request.body ?? null,
        signal: AbortSignal.any(signals),
      })
      return toResponse(request.url, answer)
    } catch (cause) {
      request.signal?.throwIfAborted()
      if (cause instanceof ForbiddenAddressError)
        throw new UpstreamInvalidAnswerError(
          `${upstream.host} leads to ${request.url.host}, on this machine or in its network, and lies outside itself`,
          { cause },
        )
      throw unavailable(request.url, cause, deadline.signal.aborted)
    } finally {
      clearTimeout(timer)
    }
  }

  return {
    async send(request) {
      try {
        return await exchange(request)
      } catch (error) {
        const isSafe = request.method === 'GET' || request.method === 'HEAD'
        if (!isSafe || !(error instanceof UpstreamUnavailableError) || !CLOSED_EARLY.has(codeOf(error.cause)))
          throw error
        return exchange(request)
      }
    },
    async close() {
      await opened?.pools.destroy()
    },
  }
}

function fixedTls(ca: string | Buffer | undefined): TlsSource {
  const material = ca === undefined ? {} : { ca: ca.toString() }
  return async () => material
}

type Answer = Awaited<ReturnType<typeof undiciRequest>>

function toResponse(url: URL, { statusCode, headers, body }: Answer): TransportResponse {
  // Whoever reads the body hears of its failure; one that fails while nobody reads must not end the process.
  body.on('error', () => {})
  return {
    url,
    status: statusCode,
    header: (name) => {
      const value = headers[name]
      return Array.isArray(value) ? value.join(', ') : value
    },
    body,
    discard: () => body.dump({ limit: MAX_DISCARDED_BYTES }).catch(() => {}),
  }
}

/** An error with the name of the upstream's host: never the whole URL, whose query may be a signed one. */
export function unavailable(url: URL, cause: unknown, deadlinePassed = false): UpstreamUnavailableError {
  const code = codeOf(cause)
  const timedOut = deadlinePassed || /TIMEOUT|TIMEDOUT/.test(code)
  const what = timedOut ? 'did not answer in time' : 'could not be reached or broke off'
  return new UpstreamUnavailableError(`${url.host} ${what}${code === '' ? '' : ` (${code})`}`, {
    cause,
    timedOut,
    origin: url.origin,
  })
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
