// A write session on a file: collects small chunks, writes them in one call, and moves the file into place.
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import type { ByteRange } from '../oci/byte-range.ts'
import type { FileWriter, WriteJournal } from './driver.ts'
import type { BufferPool } from './buffer-pool.ts'
import { onDisk } from './disk-threads.ts'
import type { Durability } from './durable-files.ts'
import { journalOf, type StagedFile } from './staged-file.ts'
import { translated } from './system-error.ts'

// Chunks are copied together: one system call per TLS record (16 KiB) would cost more than hashing it, and chunks that
// are held until they are written cost more in garbage than the copy does.
const SMALL_BYTES = 64 * 1024

export interface FilesystemWriterOptions {
  readonly staged: StagedFile
  readonly durability: Durability
  /** Turns a path of the driver's into an absolute one. */
  readonly locate: (path: string) => string
  readonly read: (path: string, range: ByteRange) => Promise<Readable>
  readonly pool: BufferPool
}

export class FilesystemWriter implements FileWriter {
  readonly #options: FilesystemWriterOptions
  #buffer: { readonly bytes: Buffer; readonly pooled: boolean } | undefined
  #pendingBytes = 0
  #written: number

  constructor(options: FilesystemWriterOptions) {
    this.#options = options
    this.#written = options.staged.size
  }

  get size(): number {
    return this.#written + this.#pendingBytes
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    const { bytes } = (this.#buffer ??= this.#borrow())
    const room = bytes.length - this.#pendingBytes
    // Most chunks are far smaller than the buffer: they cost no promise.
    if (chunk.length >= room) return this.#writeThrough(chunk)
    bytes.set(chunk, this.#pendingBytes)
    this.#pendingBytes += chunk.length
    return undefined
  }

  async readBack(): Promise<Readable> {
    await this.#flush()
    if (this.#written === 0) return Readable.from([], { objectMode: false })
    return this.#options.read(this.#path, { start: 0, end: this.#written - 1 })
  }

  async close(): Promise<WriteJournal> {
    const { staged, durability } = this.#options
    try {
      await this.#sync()
    } finally {
      this.#giveBack()
      await staged.handle.close()
    }
    if (staged.isNew) await onDisk('syncFolder', this.#folder, durability)
    return journalOf({ size: this.#written, suffix: staged.suffix })
  }

  async commit(path: string): Promise<void> {
    const { staged, durability, locate } = this.#options
    const target = locate(path)
    await this.#sync()
    this.#giveBack()
    await translated(path, () => onDisk('moveFile', locate(this.#path), target, durability))
    await staged.handle.close()
  }

  async cancel(): Promise<void> {
    const { staged, durability, locate } = this.#options
    this.#giveBack()
    await staged.handle.close()
    await translated(this.#path, () => rm(locate(this.#path), { force: true }))
    await onDisk('syncFolder', this.#folder, durability)
  }

  get #path(): string {
    return this.#options.staged.path
  }

  get #folder(): string {
    return dirname(this.#options.locate(this.#path))
  }

  async #sync(): Promise<void> {
    const { staged, durability } = this.#options
    await this.#flush()
    if (durability.fsync) await translated(this.#path, () => staged.handle.datasync())
  }

  async #writeThrough(chunk: Uint8Array): Promise<void> {
    for (let taken = 0; taken < chunk.length;) {
      const { bytes } = (this.#buffer ??= this.#borrow())
      const part = chunk.subarray(taken, taken + bytes.length - this.#pendingBytes)
      bytes.set(part, this.#pendingBytes)
      this.#pendingBytes += part.length
      taken += part.length
      if (this.#pendingBytes === bytes.length) await this.#flush()
    }
  }

  async #flush(): Promise<void> {
    const total = this.#pendingBytes
    if (total === 0 || !this.#buffer) return
    const bytes = this.#buffer.bytes.subarray(0, total)
    this.#pendingBytes = 0
    // Counted only when all is there: after a failure `size` ends at what earlier calls wrote.
    await translated(this.#path, () => this.#writeAll(bytes))
    this.#written += total
  }

  async #writeAll(bytes: Buffer): Promise<void> {
    const { handle } = this.#options.staged
    for (let done = 0; done < bytes.length;) {
      // A nearly full disk takes a part; asking again brings the rest or the reason.
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, this.#written + done)
      done += bytesWritten
    }
  }

  #borrow(): { bytes: Buffer; pooled: boolean } {
    const lent = this.#options.pool.take()
    return { bytes: lent ?? Buffer.allocUnsafe(SMALL_BYTES), pooled: lent !== undefined }
  }

  #giveBack(): void {
    if (this.#buffer?.pooled) this.#options.pool.giveBack(this.#buffer.bytes, { reusable: true })
    this.#buffer = undefined
    this.#pendingBytes = 0
  }
}
