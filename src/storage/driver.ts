// The contract of a storage backend. It fits file systems and object stores without rename, append or prompt listing.
import type { Readable, Writable } from 'node:stream'
import type { ByteRange } from '../oci/byte-range.ts'

/** Nothing is kept under `path`. */
export class PathNotFoundError extends Error {
  override readonly name = 'PathNotFoundError'
  readonly code = 'PATH_NOT_FOUND'
  readonly path: string
  constructor(path: string, cause?: unknown) {
    super(`nothing is stored at ${path}`, { cause })
    this.path = path
  }
}

/** The store has no room for more bytes. */
export class StorageFullError extends Error {
  override readonly name = 'StorageFullError'
  readonly code = 'STORAGE_FULL'
}

/** The store cannot be used now: read-only, no permission, a failing disk or a lost connection. */
export class StorageUnavailableError extends Error {
  override readonly name = 'StorageUnavailableError'
  readonly code = 'STORAGE_UNAVAILABLE'
}

/** A stream that can write itself to a sink with buffers that it uses again: cheaper than a pipe, where both ends allow it. */
export interface SendableStream extends Readable {
  /**
   * Writes everything to `sink` at the sink's pace, and destroys this stream. The sink is not ended. Rejects when the sink
   * is closed or the bytes cannot be read.
   */
  sendTo(sink: Writable): Promise<void>
}

export function isSendable(stream: Readable): stream is SendableStream {
  return 'sendTo' in stream && typeof stream.sendTo === 'function'
}

/** What a write session can be resumed from: opaque text, kept by the caller, valid in another process. */
export type WriteJournal = string & { readonly __brand: 'WriteJournal' }

/** A file that is written as a whole. */
export interface SmallFile {
  readonly path: string
  readonly bytes: Uint8Array
}

export interface StoredFile {
  /** Bytes. */
  readonly size: number
  readonly modifiedAt: Date
}

export interface ListedEntry {
  /** The last component of the entry's path. */
  readonly name: string
  readonly isFolder: boolean
}

/** How long a change has to last. */
export interface ChangeOptions {
  /** Whether it survives a power cut (default true); what is of no use after one is kept and removed faster without. */
  readonly durable?: boolean
}

export interface WriterOptions {
  /** What an earlier session's `close` answered. */
  readonly journal?: WriteJournal
  /**
   * An earlier writer may still be at work in a process that is out of reach: from now on nothing that it does may touch
   * the bytes of this session.
   */
  readonly takeOver?: boolean
}

/**
 * A file in the making. Its bytes cannot be read under any path until {@link commit}.
 * One caller at a time; after `close`, `commit` or `cancel` the writer is spent.
 */
export interface FileWriter {
  /** Bytes written up to now, those of earlier sessions included. */
  readonly size: number
  /**
   * Undefined where more can follow at once; else resolves when the backend takes more. The bytes are taken by then: the
   * chunk's memory may be used again. Rejects with {@link StorageFullError}, maybe for an earlier chunk: `size` then says what was
   * kept, and the session can still be closed.
   */
  write(chunk: Uint8Array): Promise<void> | undefined
  /** Streams all bytes up to now, to check them: they still are readable under no path. Nothing is written meanwhile. */
  readBack(): Promise<Readable>
  /** Keeps the bytes durably, readable by nobody, and answers what `openWriter` resumes them from. */
  close(): Promise<WriteJournal>
  /** Makes the bytes readable at `path`, durably and all at once, and ends the session. An existing file is replaced. */
  commit(path: string): Promise<void>
  /** Ends the session and forgets its bytes. */
  cancel(): Promise<void>
}

/**
 * Keeps bytes under slash-separated relative paths without `.`, `..` or empty components.
 * Knows nothing of repositories, manifests or tags. Reads see what was written before them; listings may lag.
 */
export interface StorageDriver {
  /**
   * Streams `path`, or one range of it. Rejects before the first byte with {@link PathNotFoundError}, and with a
   * RangeError when the file is shorter than the range.
   */
  read(path: string, options?: { range?: ByteRange; signal?: AbortSignal }): Promise<Readable>
  /** The whole of a small file. Rejects with {@link PathNotFoundError}; with a RangeError above `maxBytes`. */
  readAll(path: string, options: { maxBytes: number }): Promise<Buffer>
  /** Keeps a small file durably; readers see the old content or the new, never a part. */
  writeAll(path: string, bytes: Uint8Array, options?: ChangeOptions): Promise<void>
  /**
   * Keeps a small file unless there is one: of all who try at once, in whatever process, one is answered true. Readers
   * see the whole or nothing. It need not survive a power cut.
   */
  writeNew(path: string, bytes: Uint8Array): Promise<boolean>
  /**
   * Opens a write session that stages its bytes at `stagingPath`. With `journal`, continues behind the bytes that an
   * earlier session closed: bytes past the journal are dropped. Rejects with {@link PathNotFoundError} when they are gone.
   */
  openWriter(stagingPath: string, options?: WriterOptions): Promise<FileWriter>
  /** Rejects with {@link PathNotFoundError}, also for a folder. */
  stat(path: string): Promise<StoredFile>
  /** Writes small files one after the other, each as {@link writeAll} does. Cheaper than one by one. */
  writeEach(files: readonly SmallFile[]): Promise<void>
  /** How many bytes each of the files has; undefined for what is not there, or is no file. Cheaper than one by one. */
  sizes(paths: readonly string[]): Promise<(number | undefined)[]>
  /** What lies directly below `folder`, in the byte order of the names; nothing when it does not exist. */
  list(folder: string): AsyncIterable<ListedEntry>
  /**
   * The names of the folders directly below each of the folders, as {@link list} has them, at less cost than one by one.
   * Undefined for a folder that holds more than `most`, or cannot be read: it is to be listed by itself.
   */
  subfolders(folders: readonly string[], most: number): Promise<(string[] | undefined)[]>
  /**
   * Text that differs whenever an entry directly below `folder` was added or removed in between. Undefined, or no such
   * method, where that cannot be told.
   */
  version?(folder: string): Promise<string | undefined>
  /** Copies a file on the backend's side. Rejects with {@link PathNotFoundError}. */
  copy(from: string, to: string): Promise<void>
  /**
   * Keeps a finished file of the local disk at `path`, durably and all at once, in place of what is there. It may share its
   * bytes from then on: nobody may write to `file` any more. It stays where it is, for the caller to remove.
   */
  adopt(file: string, path: string): Promise<void>
  /** Deletes a file, or a folder with all below it. Nothing there is no error. */
  delete(path: string, options?: ChangeOptions): Promise<void>
  /** A short-lived URL where a client may read the file itself, or undefined when the backend has none. */
  redirectUrl?(path: string): Promise<URL | undefined>
  close(): Promise<void>
}
