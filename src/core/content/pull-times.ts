// When tags and manifests were pulled last: noted in memory, written in batches, one small file for each.
import { LRUCache } from 'lru-cache'
import { isDigestAlgorithm, parseDigest, type Digest } from '../../oci/digest.ts'
import { isDigest, parseTag, type Reference, type Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { PathNotFoundError, type StorageDriver } from '../../storage/driver.ts'
import { pathOf, STATE_FOLDER } from './layout.ts'

const PRECISION_MS = 3600_000
const FLUSH_MS = 60_000
/** Notes that are remembered so as not to be written again; one that is forgotten costs a write. */
const MAX_REMEMBERED = 100_000
const MAX_PENDING = 20_000
const PARALLEL_WRITES = 8
const MAX_TIME_BYTES = 64

const SINCE_PATH = `${STATE_FOLDER}/pulls-since`

interface Note {
  readonly repository: RepositoryName
  readonly reference: Reference
  readonly at: number
}

export interface PullTimesOptions {
  readonly driver: StorageDriver
  /** In ms since the epoch. */
  readonly now?: () => number
  /** How exactly it is known when something was pulled: no file is written more often; 1 h. */
  readonly precisionMs?: number
}

/** Forgets at most the last minute when the process is killed. */
export class PullTimes {
  /** What was pulled before that is not known, in ms since the epoch. */
  readonly since: number
  readonly #driver: StorageDriver
  readonly #now: () => number
  readonly #precisionMs: number
  readonly #noted = new LRUCache<string, number>({ max: MAX_REMEMBERED })
  /** The latest of each: two writes at once may end in either order. */
  #pending = new Map<string, Note>()
  #flushing: Promise<void> = Promise.resolve()
  readonly #timer: NodeJS.Timeout

  private constructor(
    { driver, now = Date.now, precisionMs = PRECISION_MS }: PullTimesOptions,
    since: number,
  ) {
    this.#driver = driver
    this.#now = now
    this.#precisionMs = precisionMs
    this.since = since
    this.#timer = setInterval(() => void this.flush().catch(() => undefined), FLUSH_MS).unref()
  }

  static async open(options: PullTimesOptions): Promise<PullTimes> {
    const { driver, now = Date.now } = options
    const known = await readTime(driver, SINCE_PATH)
    // On a disk that cannot be written to nothing is recorded, and every tag looks as if it had been pulled.
    if (known === undefined) await writeTime(driver, SINCE_PATH, now()).catch(() => undefined)
    return new PullTimes(options, known ?? now())
  }

  /** Pulls are recorded no more: what a later {@link open} finds must not look as if they had been. */
  static async forget(driver: StorageDriver): Promise<void> {
    if ((await readTime(driver, SINCE_PATH)) !== undefined) await driver.delete(SINCE_PATH)
  }

  /** Somebody pulls; costs no more than a look into a map. */
  note(repository: RepositoryName, reference: Reference): void {
    const key = `${repository} ${reference}`
    const at = this.#now()
    if (at - (this.#noted.get(key) ?? -Infinity) < this.#precisionMs) return
    this.#noted.set(key, at)
    this.#pending.set(key, { repository, reference, at })
    if (this.#pending.size >= MAX_PENDING) void this.flush().catch(() => undefined)
  }

  /** Resolves when all that was noted is written. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.catch(() => undefined).then(() => this.#write())
    return this.#flushing
  }

  /** In ms since the epoch; undefined when it was never seen. */
  async last(repository: RepositoryName, reference: Reference): Promise<number | undefined> {
    return readTime(this.#driver, pathOfPull(repository, reference))
  }

  /** Whether this process has noted a pull later than `time`, in ms since the epoch. */
  isNotedSince(repository: RepositoryName, reference: Reference, time: number): boolean {
    return (this.#noted.get(`${repository} ${reference}`) ?? -Infinity) > time
  }

  /** Forgets the pulls of one tag or digest. */
  async remove(repository: RepositoryName, reference: Reference): Promise<void> {
    this.#noted.delete(`${repository} ${reference}`)
    await this.#driver.delete(pathOfPull(repository, reference), { durable: false })
  }

  /** Forgets the pulls of what `isKnown` does not know. */
  async prune(repository: RepositoryName, isKnown: (reference: Reference) => boolean): Promise<void> {
    for await (const reference of this.#recorded(repository))
      if (!isKnown(reference)) await this.#driver.delete(pathOfPull(repository, reference))
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }

  async #write(): Promise<void> {
    const notes = [...this.#pending.values()]
    this.#pending = new Map()
    for (let start = 0; start < notes.length; start += PARALLEL_WRITES)
      await Promise.all(
        notes
          .slice(start, start + PARALLEL_WRITES)
          .map(({ repository, reference, at }) =>
            writeTime(this.#driver, pathOfPull(repository, reference), at),
          ),
      )
  }

  async *#recorded(repository: RepositoryName): AsyncGenerator<Tag | Digest> {
    const folder = folderOf(repository)
    for await (const { name } of this.#driver.list(`${folder}/_tags`)) {
      const tag = parseTag(name)
      if (tag !== undefined) yield tag
    }
    for await (const algorithm of this.#driver.list(`${folder}/_digests`)) {
      if (!isDigestAlgorithm(algorithm.name)) continue
      for await (const { name } of this.#driver.list(`${folder}/_digests/${algorithm.name}`)) {
        const digest = parseDigest(`${algorithm.name}:${name}`)
        if (digest !== undefined) yield digest
      }
    }
  }
}

/** Not beside the tag: a pull that is written late must not bring a deleted tag back. */
function folderOf(repository: RepositoryName): string {
  return `${STATE_FOLDER}/pulls/${repository}`
}

function pathOfPull(repository: RepositoryName, reference: Reference): string {
  const folder = folderOf(repository)
  return isDigest(reference) ? `${folder}/_digests/${pathOf(reference)}` : `${folder}/_tags/${reference}`
}

async function readTime(driver: StorageDriver, path: string): Promise<number | undefined> {
  try {
    const time = Date.parse((await driver.readAll(path, { maxBytes: MAX_TIME_BYTES })).toString())
    return Number.isNaN(time) ? undefined : time
  } catch (error) {
    if (error instanceof PathNotFoundError || error instanceof RangeError) return undefined
    throw error
  }
}

function writeTime(driver: StorageDriver, path: string, time: number): Promise<void> {
  return driver.writeAll(path, Buffer.from(new Date(time).toISOString()), { durable: false })
}
