// Reading an upstream's answers: bounded bodies, JSON, and failures told apart by status.
import { parseBoundedJson } from '../oci/bounded-json.ts'
import {
  UpstreamDeniedError,
  UpstreamInvalidAnswerError,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
  UpstreamRejectedError,
  UpstreamUnauthorizedError,
  UpstreamUnavailableError,
  type UpstreamError,
  type UpstreamErrorOptions,
  type UpstreamFault,
} from './errors.ts'
import { readRateLimit, readRetryAfter } from './rate-limit.ts'
import { unavailable, type TransportResponse } from './transport.ts'

const MAX_ERROR_BYTES = 64 * 1024
const MAX_FAULT_TEXT = 256

/** The whole body. Rejects with UpstreamInvalidAnswerError above `maxBytes`, UpstreamUnavailableError when it breaks off. */
export async function readBody(response: TransportResponse, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
      size += chunk.length
      if (size > maxBytes) break // leaving the loop destroys the body
      chunks.push(chunk)
    }
  } catch (cause) {
    throw unavailable(response.url, cause)
  }
  if (size > maxBytes)
    throw new UpstreamInvalidAnswerError(`${response.url.host} answered more than ${maxBytes} bytes`)
  return Buffer.concat(chunks)
}

/** The body as a JSON object; anything else is an UpstreamInvalidAnswerError. */
export async function readJson(
  response: TransportResponse,
  maxBytes: number,
): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await readBody(response, maxBytes)
  const value = parseJson(bytes)
  if (!isObject(value))
    throw new UpstreamInvalidAnswerError(`${response.url.host} did not answer a JSON object`)
  return value
}

/** The error that an answer other than the wanted one stands for; its body is consumed. */
export async function failureOf(response: TransportResponse): Promise<UpstreamError> {
  const { status, url } = response
  const fault = await readFault(response)
  const options: UpstreamErrorOptions = {
    status,
    origin: url.origin,
    ...optional('fault', fault),
    ...optional('retryAfterSeconds', readRetryAfter(response.header('retry-after'))),
    ...optional('rateLimit', readRateLimit(response.header)),
  }
  const message = `${url.host} answered ${status}${fault === undefined ? '' : ` ${fault.code}: ${fault.message}`}`
  if (status === 404) return new UpstreamNotFoundError(message, options)
  if (status === 401) return new UpstreamUnauthorizedError(message, options)
  if (status === 403) return new UpstreamDeniedError(message, options)
  if (status === 429) return new UpstreamRateLimitedError(message, options)
  if (status >= 500) return new UpstreamUnavailableError(message, { ...options, timedOut: status === 504 })
  if (status >= 400) return new UpstreamRejectedError(message, options)
  return new UpstreamInvalidAnswerError(message, options)
}

async function readFault(response: TransportResponse): Promise<UpstreamFault | undefined> {
  const bytes = await readBody(response, MAX_ERROR_BYTES).catch(() => undefined)
  const body = bytes === undefined ? undefined : parseJson(bytes)
  const first: unknown = isObject(body) && Array.isArray(body.errors) ? body.errors[0] : undefined
  if (!isObject(first) || typeof first.code !== 'string') return undefined
  const message = typeof first.message === 'string' ? first.message : ''
  return { code: first.code.slice(0, 64), message: message.slice(0, MAX_FAULT_TEXT), detail: first.detail }
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return parseBoundedJson(bytes)
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function optional<Key extends string, Value>(key: Key, value: Value | undefined): { [K in Key]?: Value } {
  return value === undefined ? {} : ({ [key]: value } as { [K in Key]: Value })
}
