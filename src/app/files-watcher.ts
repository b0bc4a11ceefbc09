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
 * Watches the folders of files, since a watch on a file goes blind when the file is replaced. `onChange` is called
 * when the content of at least one of them has changed.
 */
export class FilesWatcher {
  readonly #onChange: () => void
  readonly #folders = new Map<string, FSWatcher>()
  /** A fingerprint of the content, by file. */
  #known: ReadonlyMap<string, string> = new Map()
  #settling: NodeJS.Timeout | undefined
  readonly #onPoll = (): void => this.#settle()

  /** Rejects when a folder can not be watched. */
  static async start(files: readonly string[], onChange: () => void): Promise<FilesWatcher> {
    const watcher = new FilesWatcher(onChange)
    try {
      await watcher.watch(files)
      return watcher
    } catch (error) {
      watcher.close()
      throw error
    }
  }

  private constructor(onChange: () => void) {
    this.#onChange = onChange
  }

  /**
   * Watches `files` from now on, and no others. A change of one that was watched before is not lost. Answers whether there
   * are others: what was read of them before may be old.
   */
  async watch(files: readonly string[]): Promise<boolean> {
    this.#watchFolders(new Set(files.map((file) => dirname(file))))
    const added = files.filter((file) => !this.#known.has(file))
    for (const file of added) watchFile(file, { persistent: false, interval: POLL_MS }, this.#onPoll)
    for (const file of this.#known.keys()) if (!files.includes(file)) unwatchFile(file, this.#onPoll)
    const fingerprints = new Map([...this.#known, ...(await fingerprintsOf(added))])
    this.#known = new Map(files.map((file) => [file, fingerprints.get(file) ?? '']))
    return added.length > 0
  }

  close(): void {
    clearTimeout(this.#settling)
    this.#watchFolders(new Set())
    for (const file of this.#known.keys()) unwatchFile(file, this.#onPoll)
  }

  #watchFolders(folders: ReadonlySet<string>): void {
    for (const [folder, watcher] of this.#folders) {
      if (folders.has(folder)) continue
      watcher.close()
      this.#folders.delete(folder)
    }
    for (const folder of folders) {
      if (this.#folders.has(folder)) continue
      const watcher = watch(folder, { persistent: false }, () => this.#settle())
      watcher.on('error', () => watcher.close())
      this.#folders.set(folder, watcher)
    }
  }

  #settle(): void {
    // Set once and not put off again: in a folder that is written to all the time a change would never be told.
    this.#settling ??= setTimeout(() => {
      this.#settling = undefined
      void this.#compare()
    }, SETTLE_MS)
  }

  async #compare(): Promise<void> {
    const known = this.#known
    const now = await fingerprintsOf([...known.keys()])
    // Others are watched since: what changed meanwhile is found by the next look.
    if (this.#known !== known) return this.#settle()
    this.#known = now
    if ([...now].some(([file, fingerprint]) => fingerprint !== known.get(file))) this.#onChange()
  }
}

async function fingerprintsOf(files: readonly string[]): Promise<Map<string, string>> {
  return new Map(
    await Promise.all(
      files.map(async (file): Promise<[string, string]> => {
        const content = await readFile(file).catch(() => 'missing')
        return [file, createHash('sha256').update(content).digest('hex')]
      }),
    ),
  )
}
