// How the admin API answers failures: in the form that `/v2/` has.
import type { ErrorRequestHandler } from 'express'
import { RegistryError } from '../oci/error.ts'

/** The last handler of a router; a failure after the answer has begun goes to `next`. */
export const answerError: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (res.headersSent) return next(error)
  const failure = toRegistryError(error)
  res.status(failure.status).set(failure.headers).json(failure)
}

function toRegistryError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error
  // The body parser's: too large, cut off, no JSON.
  const status = error instanceof Error && 'status' in error ? Number(error.status) : 500
  if (status < 500)
    return new RegistryError('UNSUPPORTED', 'the body can not be read', { status, cause: error })
  return new RegistryError('UNKNOWN', error instanceof Error ? error.message : String(error), {
    cause: error,
  })
}
