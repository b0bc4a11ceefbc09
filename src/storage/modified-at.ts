// How old files are, where one that is gone is no failure.
import { PathNotFoundError, type StorageDriver } from './driver.ts'

/** When the file was written, in ms since the epoch; undefined when there is none. */
export async function modifiedAt(
  driver: Pick<StorageDriver, 'stat'>,
  path: string,
): Promise<number | undefined> {
  try {
    return (await driver.stat(path)).modifiedAt.getTime()
  } catch (error) {
    if (error instanceof PathNotFoundError) return undefined
    throw error
  }
}
