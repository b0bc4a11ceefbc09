// A file of lines that is renamed when it has grown, and begun anew: `audit.log`, `audit.log.1`, …
import { open, mkdir, rename, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { LineSink } from './line-sink.ts'

export interface RotatedFileOptions {
  readonly path: string
  /** A batch that would make it larger begins a new file. */
  readonly maxBytes: number
  /** How many older files are kept. */
  readonly keep: number
  /** Told of the first of several failures in a row; what could not be written is tried again. */
  readonly onError: (error: unknown) => void
}

const LINE_FEED = 10
/** Who did what is for the operator's eyes. */
const MODE = 0o600

/** One process writes to it at a time. */
export class RotatedFile implements LineSink {
  readonly #options: RotatedFileOptions
  #file: FileHandle
  #size: number
  /** A line must not be torn over two files. */
  #isBetweenLines = true
  #isToReopen = false
  #hasFailed = false

  private constructor(options: RotatedFileOptions, file: FileHandle, size: number) {
    this.#options = options
    this.#file = file
    this.#size = size
  }

  /** Goes on with a file that is there. Rejects when it can not be written. */
  static async open(options: RotatedFileOptions): Promise<RotatedFile> {
    const { file, size } = await openFile(options.path)
    return new RotatedFile(options, file, size)
  }

  /** Before the next line, the path is opened anew: somebody else has moved the file away. */
  reopen(): void {
    this.#isToReopen = true
  }

  async write(bytes: Buffer): Promise<number> {
    try {
      return await this.#write(bytes)
    } catch (error) {
      this.#report(error)
      return 0
    }
  }

  async writeLast(bytes: Buffer): Promise<void> {
    for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await this.#write(rest))
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  async #write(bytes: Buffer): Promise<number> {
    const isPrepared = !this.#isBetweenLines || (await this.#prepare(bytes.length))
    const { bytesWritten } = await this.#file.write(bytes)
    if (isPrepared) this.#hasFailed = false
    this.#size += bytesWritten
    if (bytesWritten > 0) this.#isBetweenLines = bytes[bytesWritten - 1] === LINE_FEED
    return bytesWritten
  }

  async #prepare(length: number): Promise<boolean> {
    try {
      if (this.#size > 0 && this.#size + length > this.#options.maxBytes) await this.#rotate()
      else if (this.#isToReopen) await this.#replace()
      return true
    } catch (error) {
      // Lines in a file that is too large are better than none.
      this.#report(error)
      return false
    }
  }

  async #rotate(): Promise<void> {
    const { path, keep } = this.#options
    // Moved away by somebody else in the meantime: then another file is at the path, or none.
    if (await this.#isAtPath()) {
      for (let age = keep - 1; age > 0; age -= 1) await move(`${path}.${age}`, `${path}.${age + 1}`)
      await (keep > 0 ? move(path, `${path}.1`) : rm(path, { force: true }))
    }
    await this.#replace()
  }

  async #isAtPath(): Promise<boolean> {
    const [ours, there] = await Promise.all([
      this.#file.stat(),
      stat(this.#options.path).catch(() => undefined),
    ])
    return there !== undefined && ours.ino === there.ino && ours.dev === there.dev
  }

  async #replace(): Promise<void> {
    const { file, size } = await openFile(this.#options.path)
    const old = this.#file
    this.#file = file
    this.#size = size
    this.#isToReopen = false
    await old.close()
  }

  #report(error: unknown): void {
    if (!this.#hasFailed) this.#options.onError(error)
    this.#hasFailed = true
  }
}

async function openFile(path: string): Promise<{ file: FileHandle; size: number }> {
  await mkdir(dirname(path), { recursive: true })
  const file = await open(path, 'a', MODE)
  const { size } = await file.stat()
  return { file, size }
}

async function move(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  })
}
