// The room that blobs on their way may take of the local disk.
import { statfs } from 'node:fs/promises'
import { StorageFullError } from '../../storage/driver.ts'
import { BlobSpool } from './blob-spool.ts'

export interface SpoolRoomOptions {
  readonly folder: string
  /** Free space that is left to others. */
  readonly reserveBytes: number
}

/** The spool and, until it is closed, the same bytes on the store, which may lie on the same disk. */
const COPIES = 2

export class SpoolRoom {
  readonly #options: SpoolRoomOptions
  readonly #open = new Set<BlobSpool>()

  constructor(options: SpoolRoomOptions) {
    this.#options = options
  }

  /** A spool for `size` bytes. Rejects with {@link StorageFullError} when they, and all that is still to come, do not fit. */
  async open(size: number): Promise<BlobSpool> {
    const { folder } = this.#options
    const spool = await BlobSpool.create(folder, { size, onClose: () => this.#open.delete(spool) })
    try {
      const free = await this.#free()
      if (size + this.#missing() > free / COPIES)
        throw new StorageFullError(`the disk of ${folder} has no room for a blob of ${size} bytes`)
      this.#open.add(spool)
      return spool
    } catch (error) {
      await spool.close()
      throw error
    }
  }

  async #free(): Promise<number> {
    const { folder, reserveBytes } = this.#options
    const { bavail, bsize } = await statfs(folder)
    return bavail * bsize - reserveBytes
  }

  /** Bytes that the open spools were promised room for, and which have not come yet. */
  #missing(): number {
    let missing = 0
    for (const spool of this.#open) missing += spool.missing
    return missing
  }
}
