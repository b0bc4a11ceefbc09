// Looks at many files or folders in one go: what a message costs is shared among them. They run in a thread of their own
// (disk-threads.ts), so that little may come of each.
import { readdirSync, statSync } from 'node:fs'
import { codeOf } from './system-error.ts'

/** Of what a folder says to take itself, a few bytes for each entry. Some file systems tell nothing, or the same for each. */
const MAX_FOLDER_BYTES = 64 * 1024

/** How many bytes the files have; undefined for what is not there, or is no file. */
export function fileSizes(paths: readonly string[]): (number | undefined)[] {
  return paths.map((path) => {
    const found = statSync(path, { throwIfNoEntry: false })
    return found?.isFile() ? found.size : undefined
  })
}

/**
 * The names of the folders directly below each of the folders, in any order; none where there is no such folder. Undefined
 * where there are more than `most`, and where it cannot be told: large folders would fill the memory of a thread.
 */
export function subfolders(paths: readonly string[], most: number): (string[] | undefined)[] {
  return paths.map((path) => {
    try {
      return foldersBelow(path, most)
    } catch (error) {
      return codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR' ? [] : undefined
    }
  })
}

function foldersBelow(path: string, most: number): string[] | undefined {
  // Reading entry by entry, so as to stop at the first that is too many, costs three times as much.
  if (statSync(path).size > MAX_FOLDER_BYTES) return undefined
  const entries = readdirSync(path, { withFileTypes: true }).filter((entry) => entry.isDirectory())
  return entries.length > most ? undefined : entries.map(({ name }) => name)
}
