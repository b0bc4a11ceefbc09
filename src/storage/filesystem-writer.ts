// A write session on a file: collects small chunks, writes them in one call, and moves the file into place.
import { rm, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { FileWriter, WriteJournal } from './driver.ts'
import { moveFile, syncFolder, type Durability } from './durable-files.ts'
import { translated } from './system-error.ts'

// One system call per TLS record (16 KiB) would cost more than hashing it; the count bounds what tiny chunks cost.
const FLUSH_BYTES = 512 * 1024
const FLUSH_CHUNKS = 128

export interface FilesystemWriterOptions {
  readonly handle: FileHandle
  /** Where the file is staged, as the caller of the driver named it. */
  readonly stagingPath: string
  /** Bytes of earlier sessions; undefined for a file that this session made. */
  readonly resumedSize: number | undefined
  readonly durability: Durability
  /** Turns a path of the driver's into an absolute one. */
  readonly locate: (path: string) => string
}

export class FilesystemWriter implements FileWriter {
  readonly #options: FilesystemWriterOptions
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  #written: number

  constructor(options: FilesystemWriterOptions) {
    this.#options = options
    this.#written = options.resumedSize ?? 0
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

  async close(): Promise<WriteJournal> {
    const { handle, resumedSize, durability } = this.#options
    try {
      await this.#sync()
    } finally {
      await handle.close()
    }
    if (resumedSize === undefined) await syncFolder(this.#stagingFolder, durability)
    return journalOf(this.#written)
  }

  async commit(path: string): Promise<void> {
    const { handle, stagingPath, durability, locate } = this.#options
    const target = locate(path)
    await this.#sync()
    await translated(path, () => moveFile(locate(stagingPath), target, durability))
    await handle.close()
  }

  async cancel(): Promise<void> {
    const { handle, stagingPath, durability, locate } = this.#options
    this.#pending = []
    this.#pendingBytes = 0
    await handle.close()
    await translated(stagingPath, () => rm(locate(stagingPath), { force: true }))
    await syncFolder(this.#stagingFolder, durability)
  }

  get #stagingFolder(): string {
    return dirname(this.#options.locate(this.#options.stagingPath))
  }

  async #sync(): Promise<void> {
    const { handle, stagingPath, durability } = this.#options
    await this.#flush()
    if (durability.fsync) await translated(stagingPath, () => handle.datasync())
  }

  async #flush(): Promise<void> {
    const chunks = this.#pending
    const total = this.#pendingBytes
    this.#pending = []
    this.#pendingBytes = 0
    if (total === 0) return
    // Counted only when all is there: after a failure `size` ends at what earlier calls wrote.
    await translated(this.#options.stagingPath, () => this.#writeAll(chunks, total))
    this.#written += total
  }

  async #writeAll(chunks: readonly Uint8Array[], total: number): Promise<void> {
    const { handle } = this.#options
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

// A journal is the count of bytes: what lies behind them in the staged file was never acknowledged.
function journalOf(size: number): WriteJournal {
  return String(size) as WriteJournal
}

/** How many bytes the session that wrote `journal` kept. */
export function journaledSize(journal: WriteJournal): number {
  return Number(journal)
}
