// The contract of authentication: an `Authorization` header in, an identity out.
import type { Identity } from '../access/identity.ts'

/** The presented credential is not valid; the caller is to be challenged. Holds nothing secret. */
export class InvalidCredentialError extends Error {
  override readonly name = 'InvalidCredentialError'
  readonly code = 'INVALID_CREDENTIAL'
}

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

export interface Authenticator {
  /**
   * The identity behind an `Authorization` header; anonymous without one. Answers at once (no promise) what was verified
   * lately. Throws or rejects with {@link InvalidCredentialError} or {@link AuthenticationBusyError}.
   *
   * `source` is the client's address: clients take turns when many credentials wait to be checked. Those who come
   * without one count as one client.
   */
  authenticate(authorization: string | undefined, source?: string): Identity | Promise<Identity>
}
