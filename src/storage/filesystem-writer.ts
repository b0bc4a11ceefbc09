// A write session on a file: collects small chunks, writes them in one call, and moves the file into place.
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import type { ByteRange } from '../oci/byte-range.ts'
import type { FileWriter, WriteJournal } from './driver.ts'
import { moveFile, syncFolder, type Durability } from './durable-files.ts'
import { journalOf, type StagedFile } from './staged-file.ts'
import { translated } from './system-error.ts'

// One system call per TLS record (16 KiB) would cost more than hashing it; the count bounds what tiny chunks cost.
const FLUSH_BYTES = 512 * 1024
const FLUSH_CHUNKS = 128

export interface FilesystemWriterOptions {
  readonly staged: StagedFile
  readonly durability: Durability
  /** Turns a path of the driver's into an absolute one. */
  readonly locate: (path: string) => string
  readonly read: (path: string, range: ByteRange) => Promise<Readable>
}

export class FilesystemWriter implements FileWriter {
  readonly #options: FilesystemWriterOptions
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #written: number

  constructor(options: FilesystemWriterOptions) {
    this.#options = options
    this.#written = options.staged.size
  }

  get size(): number {
    return this.#written + this.#pendingBytes
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (chunk.length === 0) return
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
    if (this.#pendingBytes >= FLUSH_BYTES || this.#pending.length >= FLUSH_CHUNKS) await this.#flush()
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
      await staged.handle.close()
    }
    if (staged.isNew) await syncFolder(this.#folder, durability)
    return journalOf({ size: this.#written, suffix: staged.suffix })
  }

  async commit(path: string): Promise<void> {
    const { staged, durability, locate } = this.#options
    const target = locate(path)
    await this.#sync()
    await translated(path, () => moveFile(locate(this.#path), target, durability))
    await staged.handle.close()
  }

  async cancel(): Promise<void> {
    const { staged, durability, locate } = this.#options
    this.#pending = []
    this.#pendingBytes = 0
    await staged.handle.close()
    await translated(this.#path, () => rm(locate(this.#path), { force: true }))
    await syncFolder(this.#folder, durability)
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

  async #flush(): Promise<void> {
    const chunks = this.#pending
    const total = this.#pendingBytes
    this.#pending = []
    this.#pendingBytes = 0
    if (total === 0) return
    // Counted only when all is there: after a failure `size` ends at what earlier calls wrote.
    await translated(this.#path, () => this.#writeAll(chunks, total))
    this.#written += total
  }

  async #writeAll(chunks: readonly Uint8Array[], total: number): Promise<void> {
    const { handle } = this.#options.staged
    const { bytesWritten } = await handle.writev([...chunks], this.#written)
    if (bytesWritten === total) return
    // A nearly full disk takes a part; asking again brings the rest or the reason.
    let rest = Buffer.concat(chunks, total).subarray(bytesWritten)
    while (rest.length > 0) {
      const again = await handle.write(rest, 0, rest.length, this.#written + total - rest.length)
      rest = rest.subarray(again.bytesWritten)
    }
  }
}
