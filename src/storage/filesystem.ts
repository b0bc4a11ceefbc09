// The storage driver on a folder of the file system: registry:2's `filesystem`, but durable and atomic.
import { constants } from 'node:fs'
import { copyFile, open, readdir, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import type { ByteRange } from '../oci/byte-range.ts'
import {
  PathNotFoundError,
  type FileWriter,
  type ListedEntry,
  type StorageDriver,
  type StoredFile,
  type WriteJournal,
} from './driver.ts'
import { openInFolder, replaceFile, syncFolder, type Durability } from './durable-files.ts'
import { FilesystemWriter, journaledSize } from './filesystem-writer.ts'
import { translated } from './system-error.ts'

export interface FilesystemOptions {
  /** The folder that holds everything; made on the first write. */
  readonly root: string
  /**
   * Wait for the disk before a write is answered (default true). False is faster and still safe when the process is
   * killed, but a power cut may take back what was acknowledged.
   */
  readonly fsync?: boolean
}

// Larger reads cost less CPU per byte; each slow client may hold a few of them in memory.
const READ_BYTES = 256 * 1024

// registry:2's alphabet, without the leading dot of `..` and of the files that this driver hides.
const COMPONENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/

export class FilesystemDriver implements StorageDriver {
  readonly #root: string
  readonly #durability: Durability

  constructor({ root, fsync = true }: FilesystemOptions) {
    this.#root = resolve(root)
    this.#durability = { fsync }
  }

  async read(path: string, options: { range?: ByteRange; signal?: AbortSignal } = {}): Promise<Readable> {
    const { range, signal } = options
    signal?.throwIfAborted()
    const { handle, size } = await this.#open(path)
    if (range !== undefined && range.end >= size) {
      await handle.close()
      throw new RangeError(`${path} holds ${size} bytes, the range ends at ${range.end}`)
    }
    return handle.createReadStream({
      highWaterMark: READ_BYTES,
      ...(range === undefined ? {} : { start: range.start, end: range.end }),
      ...(signal === undefined ? {} : { signal }),
    })
  }

  async readAll(path: string, { maxBytes }: { maxBytes: number }): Promise<Buffer> {
    const { handle, size } = await this.#open(path)
    try {
      if (size > maxBytes) throw new RangeError(`${path} holds ${size} bytes, more than ${maxBytes}`)
      return await translated(path, () => handle.readFile())
    } finally {
      await handle.close()
    }
  }

  async writeAll(path: string, bytes: Uint8Array): Promise<void> {
    const target = this.#locate(path)
    await translated(path, () =>
      replaceFile(target, this.#durability, async (temporary) => {
        await using handle = await open(temporary, 'wx')
        await handle.writeFile(bytes)
        if (this.#durability.fsync) await handle.datasync()
      }),
    )
  }

  async openWriter(stagingPath: string, options: { journal?: WriteJournal } = {}): Promise<FileWriter> {
    const { journal } = options
    const location = this.#locate(stagingPath)
    const resumedSize = journal === undefined ? undefined : journaledSize(journal)
    const handle = await translated(stagingPath, () =>
      resumedSize === undefined
        ? openInFolder(location, 'w', this.#durability)
        : openResumed(location, resumedSize),
    )
    return new FilesystemWriter({
      handle,
      stagingPath,
      resumedSize,
      durability: this.#durability,
      locate: (path) => this.#locate(path),
    })
  }

  async stat(path: string): Promise<StoredFile> {
    const found = await translated(path, () => stat(this.#locate(path)))
    if (!found.isFile()) throw new PathNotFoundError(path)
    return { size: found.size, modifiedAt: found.mtime }
  }

  async *list(folder: string): AsyncGenerator<ListedEntry> {
    const entries = await this.#entries(folder)
    for (const { name, isFolder } of entries) yield { name, isFolder }
  }

  async copy(from: string, to: string): Promise<void> {
    const [source, target] = [this.#locate(from), this.#locate(to)]
    await translated(from, () => stat(source))
    await translated(to, () =>
      replaceFile(target, this.#durability, async (temporary) => {
        await copyFile(source, temporary, constants.COPYFILE_FICLONE)
        await using handle = await open(temporary, 'r+')
        if (this.#durability.fsync) await handle.datasync()
      }),
    )
  }

  async delete(path: string): Promise<void> {
    const location = this.#locate(path)
    await translated(path, async () => {
      // A writer may put a file into the folder meanwhile: try again.
      await rm(location, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 })
      await syncFolder(dirname(location), this.#durability)
    })
  }

  async close(): Promise<void> {
    // Every call closes what it opens.
  }

  #locate(path: string): string {
    // Callers build paths from checked names; this holds even where one does not.
    if (!path.split('/').every((component) => COMPONENT.test(component)))
      throw new TypeError(`${JSON.stringify(path)} is not a path of this store`)
    return join(this.#root, path)
  }

  async #open(path: string): Promise<{ handle: FileHandle; size: number }> {
    const handle = await translated(path, () => open(this.#locate(path), 'r'))
    try {
      const found = await handle.stat()
      if (!found.isFile()) throw new PathNotFoundError(path)
      return { handle, size: found.size }
    } catch (error) {
      await handle.close()
      throw error
    }
  }

  async #entries(folder: string): Promise<ListedEntry[]> {
    try {
      const entries = await translated(folder, () => readdir(this.#locate(folder), { withFileTypes: true }))
      return entries
        .filter(({ name }) => COMPONENT.test(name))
        .map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }))
        .toSorted((a, b) => (a.name < b.name ? -1 : 1)) // names are ASCII: the order of their bytes
    } catch (error) {
      if (error instanceof PathNotFoundError) return []
      throw error
    }
  }
}

async function openResumed(location: string, size: number): Promise<FileHandle> {
  const handle = await open(location, 'r+')
  try {
    const found = await handle.stat()
    if (!(found.size >= size)) throw new PathNotFoundError(location) // also for a journal that is no number
    // What lies behind was written by a session that never closed.
    if (found.size > size) await handle.truncate(size)
    return handle
  } catch (error) {
    await handle.close()
    throw error
  }
}
