// A local file that grows while others read it. It has no name: whatever ends the process also frees its space.
import { mkdir, open, rm, type FileHandle } from 'node:fs/promises'
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

export interface BlobSpoolOptions {
  /** Bytes that are to come. */
  readonly size: number
  readonly onClose: () => void
}

export class BlobSpool {
  readonly #file: FileHandle
  readonly #options: BlobSpoolOptions
  #written = 0

  private constructor(file: FileHandle, options: BlobSpoolOptions) {
    this.#file = file
    this.#options = options
  }

  /** Rejects with the system's error when `folder` has no room. */
  static async create(folder: string, options: BlobSpoolOptions): Promise<BlobSpool> {
    await mkdir(folder, { recursive: true })
    const path = join(folder, randomUUID())
    const file = await open(path, 'wx+', 0o600)
    await rm(path)
    return new BlobSpool(file, options)
  }

  /** Bytes that have not come yet. */
  get missing(): number {
    return this.#options.size - this.#written
  }

  /** Resolves when the bytes can be read. */
  async append(chunk: Uint8Array): Promise<void> {
    for (let done = 0; done < chunk.length;) {
      const { bytesWritten } = await this.#file.write(chunk, done, chunk.length - done, this.#written + done)
      done += bytesWritten
    }
    this.#written += chunk.length
  }

  /** Up to `length` of the bytes appended at `start`. */
  async read(start: number, length: number): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafe(length)
    const { bytesRead } = await this.#file.read(buffer, 0, length, start)
    return buffer.subarray(0, bytesRead)
  }

  close(): Promise<void> {
    this.#options.onClose()
    return this.#file.close()
  }
}
