// A password file that is read again when it changes; a bad new one leaves the old one in force.
import { unwatchFile, watch, watchFile, type FSWatcher } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { parseHtpasswd, type PasswordEntry, type PasswordList } from './htpasswd.ts'

const MAX_BYTES = 16 * 1024 * 1024
/** A writer that is not atomic truncates first: its second half should be there when the file is read. */
const SETTLE_MS = 100
/** How often the file is looked at: of a change behind a link or a mount, the folder's watch is told nothing. */
const POLL_MS = 500

/** The file can not be read, or holds no accounts though it is not empty. */
export class HtpasswdError extends Error {
  override readonly name = 'HtpasswdError'
  readonly code = 'HTPASSWD_UNUSABLE'
}

export interface HtpasswdFileOptions {
  readonly path: string
  /** Told after the first reading, and after each that brought something new. */
  readonly onLoad?: (list: PasswordList) => void
  /** Told why a changed file was not taken over. */
  readonly onError?: (error: unknown) => void
}

/** The accounts of a password file, as the file was when it last made sense. */
export class HtpasswdFile {
  readonly #options: HtpasswdFileOptions
  #text: string | undefined
  #list: PasswordList = parseHtpasswd('')
  #watcher: FSWatcher | undefined
  #settling: NodeJS.Timeout | undefined
  #loading: Promise<void> = Promise.resolve()
  #isClosed = false
  readonly #onPoll = (): void => this.#settle()

  /** Reads the file and goes on watching it. Rejects with {@link HtpasswdError}. */
  static async open(options: HtpasswdFileOptions): Promise<HtpasswdFile> {
    const file = new HtpasswdFile(options)
    await file.reload()
    watchFile(options.path, { persistent: false, interval: POLL_MS }, file.#onPoll)
    return file
  }

  private constructor(options: HtpasswdFileOptions) {
    this.#options = options
  }

  get(name: string): PasswordEntry | undefined {
    return this.#list.entries.get(name)
  }

  has(name: string): boolean {
    return this.#list.entries.has(name)
  }

  /** See {@link PasswordList.decoy}. */
  get decoy(): string | undefined {
    return this.#list.decoy
  }

  /** Reads the file now. Rejects with {@link HtpasswdError} and keeps what was when the file makes no sense. */
  reload(): Promise<void> {
    this.#watch()
    // One after the other: an older reading must not replace a newer one.
    this.#loading = this.#loading.then(
      () => this.#load(),
      () => this.#load(),
    )
    return this.#loading
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#settling)
    unwatchFile(this.#options.path, this.#onPoll)
    this.#watcher?.close()
  }

  async #load(): Promise<void> {
    const text = await readText(this.#options.path)
    if (this.#isClosed || text === this.#text) return
    const list = parseHtpasswd(text)
    if (list.entries.size === 0 && /^[^#\s]/m.test(text))
      throw new HtpasswdError(`${this.#options.path} holds no account; its lines should read name:hash`)
    this.#text = text
    this.#list = list
    this.#options.onLoad?.(list)
  }

  /** Watches the folder: a watch on the file goes blind when the file is replaced, and a secret mounted by Kubernetes changes by a link beside it. */
  #watch(): void {
    this.#watcher?.close()
    this.#watcher = undefined
    if (this.#isClosed) return
    try {
      this.#watcher = watch(dirname(this.#options.path), { persistent: false }, () => this.#settle())
      this.#watcher.on('error', (error) => this.#options.onError?.(error))
    } catch {
      // No folder, no file: reading it fails next and says so.
    }
  }

  #settle(): void {
    // Set once and not put off again, so that a busy folder can not hold a change back.
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined
      this.reload().catch((error: unknown) => this.#options.onError?.(error))
    }, SETTLE_MS).unref()
  }
}

async function readText(path: string): Promise<string> {
  try {
    await using file = await open(path)
    const { size } = await file.stat()
    if (size > MAX_BYTES) throw new RangeError(`it is larger than ${MAX_BYTES} bytes`)
    return await file.readFile('utf8')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown reason'
    throw new HtpasswdError(`the password file ${path} can not be read: ${why}`, { cause })
  }
}
