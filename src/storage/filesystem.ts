// The storage driver on a folder of the file system: registry:2's `filesystem`, but durable and atomic.
import { constants } from 'node:fs'
import { copyFile, open, readdir, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import type { ByteRange } from '../oci/byte-range.ts'
import {
  PathNotFoundError,
  type ChangeOptions,
  type FileWriter,
  type ListedEntry,
  type SmallFile,
  type StorageDriver,
  type StoredFile,
  type WriterOptions,
} from './driver.ts'
import { onDisk, ownBytes } from './disk-threads.ts'
import type { Durability } from './durable-files.ts'
import { BufferPool } from './buffer-pool.ts'
import { FileStream } from './file-stream.ts'
import { FilesystemWriter } from './filesystem-writer.ts'
import { openStaged } from './staged-file.ts'
import { translated } from './system-error.ts'
import { temporaryBeside } from './temporary-name.ts'

export interface FilesystemOptions {
  /** The folder that holds everything; made on the first write. */
  readonly root: string
  /**
   * Wait for the disk before a write is answered (default true). False is faster and still safe when the process is
   * killed, but a power cut may take back what was acknowledged.
   */
  readonly fsync?: boolean
}

// Larger reads and writes cost less CPU per byte. What slow clients can hold is bounded; the others get small ones.
const READ_BUFFERS = { bytes: 256 * 1024, mostLent: 64, mostKept: 16 }
// For writes of 256 KiB the page cache takes large new pages, which can cost three times as much as those it has at hand.
const WRITE_BUFFERS = { bytes: 128 * 1024, mostLent: 64, mostKept: 16 }

// registry:2's alphabet, without the leading dot of `..` and of the files that this driver hides.
const COMPONENT = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/

// The coarsest clock of a file system in use counts in steps of two seconds.
const SETTLED_MS = 2000

export class FilesystemDriver implements StorageDriver {
  readonly #root: string
  readonly #durability: Durability
  readonly #readPool = new BufferPool(READ_BUFFERS)
  readonly #writePool = new BufferPool(WRITE_BUFFERS)

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
    const whole = { start: 0, end: size - 1 }
    return new FileStream({ handle, range: range ?? whole, pool: this.#readPool, signal })
  }

  async readAll(path: string, { maxBytes }: { maxBytes: number }): Promise<Buffer> {
    const { handle, size } = await this.#open(path)
    try {
      if (size > maxBytes) throw new RangeError(`${path} holds ${size} bytes, more than ${maxBytes}`)
      return await translated(path, () => readBytes(handle, size))
    } finally {
      await handle.close()
    }
  }

  async writeAll(path: string, bytes: Uint8Array, options: ChangeOptions = {}): Promise<void> {
    const target = this.#locate(path)
    const durability = this.#durabilityOf(options)
    await translated(path, () => onDisk('replaceFile', target, ownBytes(bytes), durability))
  }

  async writeEach(files: readonly SmallFile[]): Promise<void> {
    if (files.length === 0) return
    const located = files.map(({ path, bytes }) => ({ path: this.#locate(path), bytes: ownBytes(bytes) }))
    await translated(files[0]?.path ?? '', () => onDisk('replaceFiles', located, this.#durability))
  }

  async writeNew(path: string, bytes: Uint8Array): Promise<boolean> {
    const target = this.#locate(path)
    return translated(path, () => onDisk('createFile', target, ownBytes(bytes)))
  }

  async openWriter(stagingPath: string, options: WriterOptions = {}): Promise<FileWriter> {
    this.#locate(stagingPath)
    const shared = { durability: this.#durability, locate: (path: string) => this.#locate(path) }
    const staged = await translated(stagingPath, () => openStaged(stagingPath, { ...options, ...shared }))
    const read = (path: string, range: ByteRange) => this.read(path, { range })
    return new FilesystemWriter({ staged, ...shared, read, pool: this.#writePool })
  }

  async stat(path: string): Promise<StoredFile> {
    const found = await translated(path, () => stat(this.#locate(path)))
    if (!found.isFile()) throw new PathNotFoundError(path)
    return { size: found.size, modifiedAt: found.mtime }
  }

  async sizes(paths: readonly string[]): Promise<(number | undefined)[]> {
    const locations = paths.map((path) => this.#locate(path))
    return translated(paths[0] ?? '', () => onDisk('fileSizes', locations))
  }

  async *list(folder: string): AsyncGenerator<ListedEntry> {
    const entries = await this.#entries(folder)
    for (const { name, isFolder } of entries) yield { name, isFolder }
  }

  async subfolders(folders: readonly string[], most: number): Promise<(string[] | undefined)[]> {
    const locations = folders.map((folder) => this.#locate(folder))
    const listings = await translated(folders[0] ?? '', () => onDisk('subfolders', locations, most))
    return listings.map((names) => names?.filter((name) => COMPONENT.test(name)).toSorted(byBytes))
  }

  async version(folder: string): Promise<string | undefined> {
    const found = await stat(this.#locate(folder), { bigint: true }).catch(() => undefined)
    // Two changes in one tick of the file system's clock leave one time: a young one proves nothing.
    if (!found?.isDirectory() || Date.now() - Number(found.mtimeMs) < SETTLED_MS) return undefined
    return `${found.ino}/${found.mtimeNs}`
  }

  async copy(from: string, to: string): Promise<void> {
    const [source, target] = [this.#locate(from), this.#locate(to)]
    await translated(from, () => stat(source))
    await translated(to, () => this.#copy(source, target))
  }

  async adopt(file: string, path: string): Promise<void> {
    const target = this.#locate(path)
    await translated(path, async () => {
      // Not in a thread for small changes: this may be many bytes.
      if (this.#durability.fsync) await syncBytes(file)
      if (!(await onDisk('linkFile', file, target, this.#durability))) await this.#copy(file, target)
    })
  }

  async delete(path: string, options: ChangeOptions = {}): Promise<void> {
    const location = this.#locate(path)
    const durability = this.#durabilityOf(options)
    await translated(path, async () => {
      // A writer may put a file into the folder meanwhile: try again.
      await rm(location, { recursive: true, force: true, maxRetries: 3, retryDelay: 20 })
      await onDisk('syncFolder', dirname(location), durability)
    })
  }

  async close(): Promise<void> {
    // Every call closes what it opens.
  }

  async #copy(source: string, target: string): Promise<void> {
    await onDisk('makeFolder', dirname(target))
    const temporary = temporaryBeside(target)
    try {
      await copyFile(source, temporary, constants.COPYFILE_FICLONE)
      await using handle = await open(temporary, 'r+')
      if (this.#durability.fsync) await handle.datasync()
      await onDisk('moveFile', temporary, target, this.#durability)
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  }

  #durabilityOf({ durable = true }: ChangeOptions): Durability {
    return durable ? this.#durability : { fsync: false }
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
        .toSorted((a, b) => byBytes(a.name, b.name))
    } catch (error) {
      if (error instanceof PathNotFoundError) return []
      throw error
    }
  }
}

/** Of names that are ASCII. */
function byBytes(a: string, b: string): number {
  return a < b ? -1 : 1
}

async function syncBytes(file: string): Promise<void> {
  await using handle = await open(file, 'r+')
  await handle.datasync()
}

/** Files are replaced, never changed, so the size holds. One read each way less than `handle.readFile()`. */
async function readBytes(handle: FileHandle, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size)
  let filled = 0
  while (filled < size) {
    const { bytesRead } = await handle.read(bytes, filled)
    if (bytesRead === 0) break // cut short on the disk
    filled += bytesRead
  }
  return bytes.subarray(0, filled)
}
