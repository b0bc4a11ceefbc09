// A file of the local disk that grows while others read it, in this process and in others.
import { open, type FileHandle } from 'node:fs/promises'
import { codeOf } from '../../../storage/system-error.ts'

/** How much is read at once. Readers that are side by side share what was read, or has just come. */
const BLOCK_BYTES = 256 * 1024
/** How many pieces are kept for those who come right behind. */
const KEPT_PIECES = 4

interface Piece {
  readonly start: number
  readonly length: number
  readonly bytes: Promise<Uint8Array>
  /** The file does not have it yet. */
  isComing: boolean
}

export class BlobSpool {
  readonly #file: FileHandle
  #size: number
  /** The latest first. */
  #pieces: Piece[] = []
  #writing: Promise<void> = Promise.resolve()

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

  /**
   * The bytes can be read here at once, and by other processes when the file has them. Resolves when it takes more; rejects
   * when it could not take what came before.
   */
  async append(chunk: Uint8Array): Promise<void> {
    await this.#writing
    const piece = { start: this.#size, length: chunk.length, bytes: Promise.resolve(chunk), isComing: true }
    this.#remember(piece)
    this.#size += chunk.length
    this.#writing = this.#write(chunk, piece.start).then(() => void (piece.isComing = false))
    this.#writing.catch(() => undefined)
  }

  /** Resolves when the file has all that was appended. */
  flush(): Promise<void> {
    return this.#writing
  }

  /** Forgets all bytes: nobody reads it yet. */
  async clear(): Promise<void> {
    await this.#file.truncate()
    this.#size = 0
  }

  /** Some of the bytes from `start` on, none behind `end`; not to be changed. */
  async read(start: number, end: number): Promise<Uint8Array> {
    const piece = this.#pieces.find((each) => start >= each.start && start < each.start + each.length)
    const { bytes, start: from } = piece ?? this.#readBlock(start, end)
    return (await bytes).subarray(start - from, end + 1 - from)
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined)
    this.#pieces = []
    await this.#file.close()
  }

  /** Up to the end of a block: whoever reads on from there meets the others again. */
  #readBlock(start: number, end: number): Piece {
    const length = Math.min(end + 1, start - (start % BLOCK_BYTES) + BLOCK_BYTES) - start
    const piece = { start, length, bytes: this.#readAt(start, length), isComing: false }
    // A read that failed is tried again.
    piece.bytes.catch(() => (this.#pieces = this.#pieces.filter((each) => each !== piece)))
    this.#remember(piece)
    return piece
  }

  #remember(piece: Piece): void {
    this.#pieces = [piece, ...this.#pieces].filter((each, at) => at < KEPT_PIECES || each.isComing)
  }

  async #write(chunk: Uint8Array, position: number): Promise<void> {
    for (let done = 0; done < chunk.length;) {
      const { bytesWritten } = await this.#file.write(chunk, done, chunk.length - done, position + done)
      done += bytesWritten
    }
  }

  async #readAt(start: number, length: number): Promise<Uint8Array> {
    const buffer = Buffer.allocUnsafe(length)
    for (let done = 0; done < length;) {
      const { bytesRead } = await this.#file.read(buffer, done, length - done, start + done)
      if (bytesRead === 0) throw new Error('the spool of a blob was cut short')
      done += bytesRead
    }
    return buffer
  }
}
