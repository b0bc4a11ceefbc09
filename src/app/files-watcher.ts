// Tells when files change, also when they are replaced (renamed over, or by a symlink swap as Kubernetes does).
import { createHash } from 'node:crypto'
import { unwatchFile, watch, watchFile, type FSWatcher } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Certificate and key change one after the other; a writer that is not atomic takes a moment. */
const SETTLE_MS = 250
/** How often the files are looked at: of a change behind a link or a mount, the folder's watch is told nothing. */
const POLL_MS = 500

/**
 * Watches the folders of `files`, since a watch on a file goes blind when the file is replaced. `onChange` is called
 * when the content of at least one of them has changed.
 */
export class FilesWatcher {
  readonly #files: readonly string[]
  readonly #onChange: () => void
  readonly #watchers: FSWatcher[] = []
  #known = ''
  #settling: NodeJS.Timeout | undefined
  readonly #onPoll = (): void => this.#settle()

  static async start(files: readonly string[], onChange: () => void): Promise<FilesWatcher> {
    const watcher = new FilesWatcher(files, onChange)
    watcher.#known = await watcher.#fingerprint()
    return watcher
  }

  private constructor(files: readonly string[], onChange: () => void) {
    this.#files = files
    this.#onChange = onChange
    for (const folder of new Set(files.map((file) => dirname(file)))) {
      const watcher = watch(folder, { persistent: false }, () => this.#settle())
      watcher.on('error', () => watcher.close())
      this.#watchers.push(watcher)
    }
    for (const file of files) watchFile(file, { persistent: false, interval: POLL_MS }, this.#onPoll)
  }

  close(): void {
    clearTimeout(this.#settling)
    for (const watcher of this.#watchers) watcher.close()
    for (const file of this.#files) unwatchFile(file, this.#onPoll)
  }

  #settle(): void {
    // Set once and not put off again: in a folder that is written to all the time a change would never be told.
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined
      void this.#compare()
    }, SETTLE_MS)
  }

  async #compare(): Promise<void> {
    const now = await this.#fingerprint()
    if (now === this.#known) return
    this.#known = now
    this.#onChange()
  }

  async #fingerprint(): Promise<string> {
    const hash = createHash('sha256')
    for (const file of this.#files) hash.update(await readFile(file).catch(() => 'missing')).update('\0')
    return hash.digest('hex')
  }
}
