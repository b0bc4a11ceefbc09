// The contract of authentication: an `Authorization` header in, an identity out.
import type { Identity } from '../access/identity.ts'
import type { Place } from './realm.ts'

/** The presented credential is not valid; the caller is to be challenged. Holds nothing secret. */
export class InvalidCredentialError extends Error {
  override readonly name = 'InvalidCredentialError'
  readonly code = 'INVALID_CREDENTIAL'
}

/** The same, told apart for those who take strangers in: nobody here has this name. Clients are not told the difference. */
export class UnknownLoginError extends InvalidCredentialError {}

/** Too many credentials wait to be checked; try again after `retryAfterSeconds`. */
export class AuthenticationBusyError extends Error {
  override readonly name = 'AuthenticationBusyError'
  readonly code = 'AUTHENTICATION_BUSY'
  readonly retryAfterSeconds: number
  constructor(retryAfterSeconds: number) {
    super('too many logins are being checked')
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** Logins of this account from this network failed too often; the next one is looked at after `retryAfterSeconds`. */
export class LoginThrottledError extends Error {
  override readonly name = 'LoginThrottledError'
  readonly code = 'LOGIN_THROTTLED'
  readonly retryAfterSeconds: number
  constructor(retryAfterSeconds: number) {
    super('too many logins have failed')
    this.retryAfterSeconds = retryAfterSeconds
  }
}

/** Where a request comes from, and what it is for. */
export interface Source extends Place {
  /** The client's address: clients take turns when many credentials wait to be checked. Those without one count as one. */
  readonly address?: string | undefined
  /** A name that nobody here has is no failure, and costs nothing; see {@link LenientHosts}. */
  readonly isLenient?: boolean | undefined
}

export interface Authenticator {
  /**
   * The identity behind an `Authorization` header; anonymous without one. Answers at once (no promise) what was verified
   * lately. Throws or rejects with {@link InvalidCredentialError}, {@link AuthenticationBusyError},
   * {@link LoginThrottledError} or {@link BackendUnavailableError}.
   */
  authenticate(authorization: string | undefined, source?: Source): Identity | Promise<Identity>
}
