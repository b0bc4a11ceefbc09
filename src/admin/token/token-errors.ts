// Failures of the token endpoint, answered as `/v2/` answers them; others go to `next`.
import type { ErrorRequestHandler } from 'express'
import { InvalidCredentialError } from '../../auth/authenticator.ts'
import { undecidedLogin } from '../../auth/undecided-login.ts'
import { formatChallenge } from '../../oci/challenge.ts'
import { RegistryError } from '../../oci/error.ts'

export function answerError(service: string): ErrorRequestHandler {
  return (error: unknown, _req, res, next) => {
    const failure = toRegistryError(error, service)
    if (!failure || res.headersSent) next(error)
    else res.status(failure.status).set(failure.headers).json(failure)
  }
}

/** What the client is told; undefined for a bug, which is not ours to answer. */
function toRegistryError(error: unknown, service: string): RegistryError | undefined {
  if (error instanceof RegistryError) return error
  if (error instanceof InvalidCredentialError)
    return new RegistryError('UNAUTHORIZED', 'the name or the password is wrong', {
      headers: { 'WWW-Authenticate': formatChallenge('Basic', { realm: service }) },
      cause: error,
    })
  const undecided = undecidedLogin(error)
  if (undecided) return undecided
  // The body parser's: too large, cut off, of an unknown character set or encoding.
  if (error instanceof Error && 'status' in error && typeof error.status === 'number' && error.status < 500)
    return new RegistryError('UNSUPPORTED', 'the form can not be read', {
      status: error.status,
      cause: error,
    })
  return undefined
}
