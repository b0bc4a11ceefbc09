// The names below large folders, kept in memory for as long as the folder has not changed.
import { LRUCache } from 'lru-cache'
import type { StorageDriver } from '../../storage/driver.ts'

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

/** What is listed now, and what those wait for who came meanwhile. */
interface Flight {
  readonly running: Promise<readonly string[]>
  next?: Promise<readonly string[]>
}

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
  readonly #flights = new Map<string, Flight>()

  constructor(driver: StorageDriver) {
    this.#driver = driver
  }

  /** The folders directly below `folder`, in byte order; none when it does not exist. */
  async list(folder: string): Promise<readonly string[]> {
    const kept = this.#kept.get(folder)
    if (kept !== undefined && kept.version === (await this.#driver.version?.(folder))) return kept.names
    return this.#shared(folder)
  }

  /** Of each of several folders, as {@link list} answers it; the small ones are read together. */
  async listEach(folders: readonly string[]): Promise<(readonly string[])[]> {
    const small = folders.filter((folder) => !this.#kept.has(folder))
    const read = small.length > 0 ? await this.#driver.subfolders(small) : []
    const known = new Map(small.map((folder, place) => [folder, read[place] ?? []]))
    for (const [folder, names] of known) if (names.length >= MIN_KEPT_NAMES) this.#kept.set(folder, LARGE)
    return Promise.all(folders.map(async (folder) => known.get(folder) ?? this.list(folder)))
  }

  /** Callers share a listing that begins after they came: one that runs already may have missed what they know of. */
  #shared(folder: string): Promise<readonly string[]> {
    const flight = this.#flights.get(folder)
    if (flight === undefined) return this.#start(folder)
    flight.next ??= flight.running.then(
      () => this.#start(folder),
      () => this.#start(folder),
    )
    return flight.next
  }

  #start(folder: string): Promise<readonly string[]> {
    const flight: Flight = {
      running: this.#read(folder).finally(() => {
        if (flight.next === undefined) this.#flights.delete(folder)
      }),
    }
    this.#flights.set(folder, flight)
    return flight.running
  }

  async #read(folder: string): Promise<readonly string[]> {
    // Asked first: what changes while the folder is read then differs from what is kept. A folder that was small when it
    // was last seen is not asked at all.
    const version = this.#kept.has(folder) ? await this.#driver.version?.(folder) : undefined
    const names: string[] = []
    for await (const { name, isFolder } of this.#driver.list(folder)) if (isFolder) names.push(name)
    if (names.length < MIN_KEPT_NAMES) this.#kept.delete(folder)
    else this.#kept.set(folder, version === undefined ? LARGE : { version, names })
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
