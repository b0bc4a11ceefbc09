// The names below large folders, kept in memory for as long as the folder has not changed.
import { LRUCache } from 'lru-cache'
import type { StorageDriver } from '../../storage/driver.ts'
import { SharedReads } from './shared-reads.ts'

/** Over all folders; a name costs about 60 bytes. */
const MAX_KEPT_NAMES = 500_000
/** A folder with fewer entries is listed about as fast as it is asked whether it changed. */
const MIN_KEPT_NAMES = 64

interface Listing {
  readonly version: string
  readonly names: readonly string[]
}

/** Says of a folder that it is worth keeping; no folder has this version. */
const LARGE: Listing = { version: '', names: [] }

/**
 * Answers what a listing of the folder would answer, also when others write to it. Without it a page of a folder with
 * 200,000 entries costs half a second, and all pages of it cost that two hundred times.
 */
export class FolderNames {
  readonly #driver: StorageDriver
  readonly #kept = new LRUCache<string, Listing>({
    maxSize: MAX_KEPT_NAMES,
    sizeCalculation: ({ names }) => Math.max(1, names.length),
  })
  readonly #listings = new SharedReads<readonly string[]>()
  readonly #groups = new SharedReads<(readonly string[] | undefined)[]>()

  constructor(driver: StorageDriver) {
    this.#driver = driver
  }

  /** The folders directly below `folder`, in byte order; none when it does not exist. */
  async list(folder: string): Promise<readonly string[]> {
    const kept = this.#kept.get(folder)
    if (kept !== undefined && kept.version === (await this.#driver.version?.(folder))) return kept.names
    return this.#listings.read(folder, () => this.#read(folder))
  }

  /**
   * Of each of several folders what {@link list} answers; the small ones are read together. Undefined for those that are to
   * be listed by themselves, when they are needed: they are large, or cannot be read.
   */
  async listEach(folders: readonly string[]): Promise<(readonly string[] | undefined)[]> {
    const small = folders.filter((folder) => !this.#kept.has(folder))
    const known = new Map<string, readonly string[]>()
    for (const [place, names] of (await this.#readGroup(small)).entries()) {
      const folder = small[place] ?? ''
      if (names !== undefined) known.set(folder, names)
      else if (!this.#kept.has(folder)) this.#kept.set(folder, LARGE)
    }
    return folders.map((folder) => known.get(folder))
  }

  async #readGroup(folders: readonly string[]): Promise<readonly (readonly string[] | undefined)[]> {
    if (folders.length === 0) return []
    const read = () => this.#driver.subfolders(folders, MIN_KEPT_NAMES - 1)
    // Whichever of them it is that cannot be read together with others, each by itself says so, or can.
    return this.#groups.read(folders.join('\n'), read).catch(() => folders.map(() => undefined))
  }

  async #read(folder: string): Promise<readonly string[]> {
    // Asked first: what changes while the folder is read then differs from what is kept. A folder that was small when it
    // was last seen is not asked at all.
    const version = this.#kept.has(folder) ? await this.#driver.version?.(folder) : undefined
    const names: string[] = []
    for await (const { name, isFolder } of this.#driver.list(folder)) if (isFolder) names.push(name)
    const isKept = version !== undefined && names.length <= MAX_KEPT_NAMES
    if (names.length < MIN_KEPT_NAMES) this.#kept.delete(folder)
    else this.#kept.set(folder, isKept ? { version, names } : LARGE)
    return names
  }
}

/** The place of the first name behind `last` in names that are in byte order. */
export function placeBehind(names: readonly string[], last: string): number {
  let [from, to] = [0, names.length]
  while (from < to) {
    const middle = (from + to) >>> 1
    if ((names[middle] ?? '') <= last) from = middle + 1
    else to = middle
  }
  return from
}
