// Who may use the admin API: accounts with the `admin` grant, and the commands of this machine with the store's token.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { RequestHandler } from 'express'
import type { Policy } from '../access/policy.ts'
import { AuthenticationBusyError, InvalidCredentialError, type Authenticator } from '../auth/authenticator.ts'
import { formatChallenge } from '../oci/challenge.ts'
import { RegistryError } from '../oci/error.ts'

export interface AdminAuthOptions {
  readonly authenticator: Authenticator
  readonly policy: Policy
  /** What the lock files of this process's stores hold. */
  readonly localToken: string
}

/** Lets through who may administer. Others get 401 with a Basic challenge, or 403; failures go to `next`. */
export function requireAdmin({ authenticator, policy, localToken }: AdminAuthOptions): RequestHandler {
  return async (req, _res, next) => {
    const { authorization } = req.headers
    if (isLocal(authorization, localToken)) return next()
    const identity = await identify(authenticator, authorization)
    if (policy.allowsAdmin(identity)) return next()
    if (identity.name === undefined) throw challenge('log in with an account that has the admin grant')
    throw new RegistryError('DENIED', 'the account has no admin grant')
  }
}

async function identify(authenticator: Authenticator, authorization: string | undefined) {
  try {
    return await authenticator.authenticate(authorization)
  } catch (error) {
    if (error instanceof InvalidCredentialError) throw challenge('the credentials are not valid', error)
    if (error instanceof AuthenticationBusyError)
      throw new RegistryError('UNAVAILABLE', error.message, {
        headers: { 'Retry-After': String(error.retryAfterSeconds) },
        cause: error,
      })
    throw error
  }
}

function isLocal(authorization: string | undefined, token: string): boolean {
  const presented = /^Local (\S+)$/.exec(authorization ?? '')?.[1]
  // Hashed first: timingSafeEqual wants equal lengths.
  return presented !== undefined && timingSafeEqual(sha256(presented), sha256(token))
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

function challenge(message: string, cause?: unknown): RegistryError {
  return new RegistryError('UNAUTHORIZED', message, {
    headers: { 'WWW-Authenticate': formatChallenge('Basic', { realm: 'dockgate admin' }) },
    cause,
  })
}
