// The room that blobs on their way may take of the local disk.
import { mkdir, statfs } from 'node:fs/promises'
import { StorageFullError } from '../../../storage/driver.ts'
import { codeOf } from '../../../storage/system-error.ts'
import { MIRROR_FAILURES } from '../as-cache.ts'
import type { FillProgress } from './fill-progress.ts'

export interface SpoolRoomOptions {
  readonly folder: string
  /** Free space that is left to others. */
  readonly reserveBytes: number
}

export class SpoolRoom {
  readonly #options: SpoolRoomOptions
  readonly #coming = new Set<FillProgress>()

  constructor(options: SpoolRoomOptions) {
    this.#options = options
  }

  /** Bytes that new blobs may take. */
  async free(): Promise<number> {
    const { reserveBytes } = this.#options
    const { bavail, bsize } = await this.#statfs()
    return bavail * bsize - reserveBytes - this.#missing()
  }

  /** Promises room to what is missing of a blob, until it is {@link leave}d; false where `free` bytes are too few. */
  enter(progress: FillProgress, free: number): boolean {
    if (progress.size - progress.written > free) {
      const { folder } = this.#options
      const error = new StorageFullError(
        `the disk of ${folder} has no room for a blob of ${progress.size} bytes`,
      )
      MIRROR_FAILURES.publish({ error })
      return false
    }
    this.#coming.add(progress)
    return true
  }

  leave(progress: FillProgress): void {
    this.#coming.delete(progress)
  }

  async #statfs() {
    const { folder } = this.#options
    try {
      return await statfs(folder)
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error
      await mkdir(folder, { recursive: true })
      return statfs(folder)
    }
  }

  /** Bytes that were promised room, and have not come yet. */
  #missing(): number {
    let missing = 0
    for (const { size, written } of this.#coming) missing += size - written
    return missing
  }
}
