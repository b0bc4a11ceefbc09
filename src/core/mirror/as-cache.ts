// A mirror's store is a cache: what it fails at costs an upstream request, never an answer.
import { channel } from 'node:diagnostics_channel'
import { PathNotFoundError, StorageFullError, StorageUnavailableError } from '../../storage/driver.ts'
import { DamagedContentError } from '../content/manifests.ts'

/** Carries every failure that was answered around: `{ error }`. */
export const MIRROR_FAILURES = channel('dockgate:mirror-failure')

/** Runs `work` on the store; a full, broken or damaged one answers undefined. */
export async function asCache<Value>(work: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!isStoreFailure(error)) throw error
    MIRROR_FAILURES.publish({ error })
    return undefined
  }
}

function isStoreFailure(error: unknown): boolean {
  return (
    error instanceof PathNotFoundError ||
    error instanceof StorageFullError ||
    error instanceof StorageUnavailableError ||
    error instanceof DamagedContentError
  )
}
