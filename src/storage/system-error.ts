// What the operating system's error codes mean to those who use a storage driver.
import { PathNotFoundError, StorageFullError, StorageUnavailableError } from './driver.ts'

const NOT_FOUND = ['ENOENT', 'ENOTDIR', 'EISDIR']
const FULL = ['ENOSPC', 'EDQUOT']
const UNAVAILABLE = ['EROFS', 'EACCES', 'EPERM', 'EIO', 'EMFILE', 'ENFILE', 'ESTALE', 'ENAMETOOLONG']
/** A folder that others fill faster than it is deleted. */
const CONTENDED = ['EBUSY', 'ENOTEMPTY']

/** The code of a system error, such as `ENOENT`. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Runs `work` on `path` with its system errors translated; others pass as they are. */
export async function translated<Result>(path: string, work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw translate(path, error)
  }
}

function translate(path: string, cause: unknown): unknown {
  const code = codeOf(cause)
  if (code === undefined) return cause
  if (NOT_FOUND.includes(code)) return new PathNotFoundError(path, cause)
  if (FULL.includes(code))
    return new StorageFullError(`the disk has no room for ${path} (${code})`, { cause })
  if (UNAVAILABLE.includes(code) || CONTENDED.includes(code))
    return new StorageUnavailableError(`the disk cannot be used for ${path} (${code})`, { cause })
  return cause
}
