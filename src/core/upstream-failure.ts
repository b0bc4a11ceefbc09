// What a failing upstream means to the client: spec errors that name neither the upstream's address nor its login.
import { isErrorCode, RegistryError, type ErrorCode } from '../oci/error.ts'
import {
  UpstreamDeniedError,
  UpstreamError,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
  UpstreamRejectedError,
  UpstreamUnauthorizedError,
  UpstreamUnavailableError,
} from '../upstream/errors.ts'

export interface UpstreamFailureOptions {
  /** The code of a 404 that names none itself. */
  readonly notFound: ErrorCode
  /** What a refused login of ours is: the client's fault where it asked for something private, else a broken gateway. */
  readonly unauthorized: 'DENIED' | 'UNAVAILABLE'
  /** Status of an upstream that is down; 502. */
  readonly unavailable?: 502 | 503
  /** Headers of the upstream's answer that are meant for the client. */
  readonly headers?: Readonly<Record<string, string>>
}

/** Runs `work`; an `UpstreamError` comes out as a `RegistryError`, everything else as it is. */
export async function translated<Result>(
  options: UpstreamFailureOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw toRegistryError(error, options)
  }
}

/** The answer for an `UpstreamError`; any other failure is returned as it is. */
export function toRegistryError(error: unknown, options: UpstreamFailureOptions): unknown {
  if (!(error instanceof UpstreamError)) return error
  const retry =
    error.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(error.retryAfterSeconds) }
  const common = { cause: error, headers: { ...options.headers, ...retry } }
  if (error instanceof UpstreamNotFoundError)
    return new RegistryError(faultCode(error) ?? options.notFound, 'not known to the upstream registry', {
      ...common,
      status: 404,
    })
  if (error instanceof UpstreamRateLimitedError)
    return new RegistryError(
      'TOOMANYREQUESTS',
      'the upstream registry limits the number of pulls: try later',
      common,
    )
  if (error instanceof UpstreamUnauthorizedError && options.unauthorized === 'UNAVAILABLE')
    return new RegistryError('UNAVAILABLE', 'the upstream registry refuses the login of this gateway', {
      ...common,
      status: 502,
    })
  if (error instanceof UpstreamDeniedError || error instanceof UpstreamUnauthorizedError)
    return new RegistryError(
      'DENIED',
      'the upstream registry denies access: it is private there, or unknown',
      common,
    )
  if (error instanceof UpstreamRejectedError) return rejected(error, common)
  if (error instanceof UpstreamUnavailableError) return unavailable(error, options.unavailable ?? 502, common)
  return new RegistryError('UNAVAILABLE', 'the upstream registry answered something invalid', {
    ...common,
    status: 502,
  })
}

/** Codes of refusals that name none: proxies before an upstream answer in HTML. */
const CODES: Readonly<Record<number, ErrorCode>> = { 413: 'SIZE_INVALID', 416: 'RANGE_INVALID' }

type Common = { readonly cause: unknown; readonly headers: Readonly<Record<string, string>> }

function rejected(error: UpstreamRejectedError, common: Common): RegistryError {
  const status = error.status ?? 400
  const message = `the upstream registry refuses the request (${status})`
  return new RegistryError(faultCode(error) ?? CODES[status] ?? 'UNSUPPORTED', message, { ...common, status })
}

function unavailable(error: UpstreamUnavailableError, usual: 502 | 503, common: Common): RegistryError {
  if (error.timedOut)
    return new RegistryError('UNAVAILABLE', 'the upstream registry did not answer in time', {
      ...common,
      status: 504,
    })
  // Its own 503 is handed on: clients that know it wait and try again.
  const status = error.status === 503 ? 503 : usual
  return new RegistryError('UNAVAILABLE', 'the upstream registry cannot be reached now', {
    ...common,
    status,
  })
}

function faultCode(error: UpstreamError): ErrorCode | undefined {
  const code = error.fault?.code
  return code !== undefined && isErrorCode(code) ? code : undefined
}
