// What a client is told when a login could not be decided: nothing is wrong with it, it is to be tried again later.
import { RegistryError } from '../oci/error.ts'
import { AuthenticationBusyError, LoginThrottledError } from './authenticator.ts'
import { BackendUnavailableError } from './login-backend.ts'

const BACKEND_RETRY_AFTER_SECONDS = 10

/** 429 or 503 with `Retry-After`; undefined for every other failure. */
export function undecidedLogin(failure: unknown): RegistryError | undefined {
  if (failure instanceof LoginThrottledError)
    return new RegistryError('TOOMANYREQUESTS', 'too many logins have failed: try again later', {
      headers: retryAfter(failure.retryAfterSeconds),
      cause: failure,
    })
  if (failure instanceof AuthenticationBusyError)
    return new RegistryError('UNAVAILABLE', 'too many logins are being checked: try again shortly', {
      headers: retryAfter(failure.retryAfterSeconds),
      cause: failure,
    })
  if (failure instanceof BackendUnavailableError)
    return new RegistryError('UNAVAILABLE', 'logins can not be checked now: try again later', {
      headers: retryAfter(BACKEND_RETRY_AFTER_SECONDS),
      cause: failure,
    })
  return undefined
}

function retryAfter(seconds: number): Record<string, string> {
  return { 'Retry-After': String(seconds) }
}
