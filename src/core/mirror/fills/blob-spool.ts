// A file of the local disk that grows while others read it, in this process and in others.
import { open, type FileHandle } from 'node:fs/promises'
import { codeOf } from '../../../storage/system-error.ts'

/** How much is read at once. Readers that are side by side share what was read. */
const BLOCK_BYTES = 256 * 1024
/** How many pieces are kept for those who come right behind. */
const KEPT_READS = 4

interface Read {
  readonly start: number
  readonly length: number
  readonly bytes: Promise<Uint8Array>
}

export class BlobSpool {
  readonly #file: FileHandle
  #size: number
  #reads: Read[] = []

  private constructor(file: FileHandle, size: number) {
    this.#file = file
    this.#size = size
  }

  /** A new file, or what an earlier fill left. Rejects with the system's error when the disk has no room. */
  static async open(path: string): Promise<BlobSpool> {
    const file = await open(path, 'a+')
    try {
      return new BlobSpool(file, (await file.stat()).size)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** One that is there, for one who follows it and may have to go on with it; undefined when it is gone. */
  static async openExisting(path: string): Promise<BlobSpool | undefined> {
    try {
      const spool = new BlobSpool(await open(path, 'r+'), 0)
      await spool.refresh()
      return spool
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** Bytes that can be read, as far as is known. */
  get size(): number {
    return this.#size
  }

  /** Looks how far another process has come. */
  async refresh(): Promise<number> {
    this.#size = (await this.#file.stat()).size
    return this.#size
  }

  /** Resolves when the bytes can be read. */
  async append(chunk: Uint8Array): Promise<void> {
    for (let done = 0; done < chunk.length;) {
      const { bytesWritten } = await this.#file.write(chunk, done, chunk.length - done, this.#size)
      done += bytesWritten
      this.#size += bytesWritten
    }
  }

  /** Forgets all bytes: nobody reads it yet. */
  async clear(): Promise<void> {
    await this.#file.truncate()
    this.#size = 0
  }

  /** Some of the bytes from `start` on, none behind `end`; not to be changed. */
  read(start: number, end: number): Promise<Uint8Array> {
    // Up to the end of a block: whoever reads on from there meets the others again.
    const length = Math.min(end + 1, start - (start % BLOCK_BYTES) + BLOCK_BYTES) - start
    const known = this.#reads.find((read) => read.start === start && read.length === length)
    if (known) return known.bytes
    const read = { start, length, bytes: this.#readAt(start, length) }
    this.#reads = [read, ...this.#reads.slice(0, KEPT_READS - 1)]
    return read.bytes
  }

  close(): Promise<void> {
    this.#reads = []
    return this.#file.close()
  }

  async #readAt(start: number, length: number): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafe(length)
    const { bytesRead } = await this.#file.read(buffer, 0, length, start)
    if (bytesRead === 0) throw new Error('the spool of a blob was cut short')
    return buffer.subarray(0, bytesRead)
  }
}
