// What a failing store means to the client of a push or a pull.
import { RegistryError } from '../../oci/error.ts'
import { PathNotFoundError, StorageFullError, StorageUnavailableError } from '../../storage/driver.ts'
import { DamagedContentError } from '../content/manifests.ts'

/** Runs `work` with the store's failures turned into answers; others pass as they are. */
export async function answered<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw answerFor(error)
  }
}

function answerFor(cause: unknown): unknown {
  if (cause instanceof StorageFullError)
    return new RegistryError('UNAVAILABLE', 'the disk of this registry is full', { cause })
  if (cause instanceof StorageUnavailableError)
    return new RegistryError('UNAVAILABLE', 'the storage of this registry cannot be used now', { cause })
  if (cause instanceof PathNotFoundError)
    // What may be missing is told by name; this went away under the request, with its whole repository for example.
    return new RegistryError('UNAVAILABLE', 'the content was removed during the request: try again', {
      headers: { 'Retry-After': '1' },
      cause,
    })
  if (cause instanceof DamagedContentError)
    // Said to be missing, it is pushed again by clients that look before they push; that heals it.
    return new RegistryError('MANIFEST_UNKNOWN', 'the stored manifest is damaged: push it again', {
      detail: { digest: cause.digest },
      cause,
    })
  return cause
}
