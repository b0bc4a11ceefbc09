// What tells a store apart from every other: processes that share it share what they know of it, others must not.
import { randomUUID } from 'node:crypto'
import {
  PathNotFoundError,
  StorageFullError,
  StorageUnavailableError,
  type StorageDriver,
} from '../../storage/driver.ts'

/** registry:2 looks only below its own folder. */
const PATH = 'dockgate/id'
const MAX_BYTES = 100

/** The store's name of 36 characters: made when nobody has, the same for all who ask from then on. */
export async function storeIdentity(driver: StorageDriver): Promise<string> {
  try {
    return (await readIdentity(driver)) ?? (await makeIdentity(driver))
  } catch (error) {
    // On a disk that takes no writes nothing is shared: this process has the knowledge of it for itself.
    if (error instanceof StorageUnavailableError || error instanceof StorageFullError) return randomUUID()
    throw error
  }
}

async function makeIdentity(driver: StorageDriver): Promise<string> {
  const own = randomUUID()
  if (await driver.writeNew(PATH, Buffer.from(own))) return own
  return (await readIdentity(driver)) ?? own
}

async function readIdentity(driver: StorageDriver): Promise<string | undefined> {
  try {
    const text = (await driver.readAll(PATH, { maxBytes: MAX_BYTES })).toString('latin1')
    return /^[0-9a-f-]{36}$/.test(text) ? text : undefined
  } catch (error) {
    if (error instanceof PathNotFoundError) return undefined
    throw error
  }
}
