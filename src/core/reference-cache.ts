// What a repository holds, as far as it is known: tag → digest, and digest → itself for membership.
import { LRUCache } from 'lru-cache'
import type { CacheStore } from '../cache/cache-store.ts'
import type { ChangeBus } from '../cache/change-bus.ts'
import { parseDigest, type Digest } from '../oci/digest.ts'
import type { Reference } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'

/** Roughly what an entry costs in memory: key, digest, list nodes. */
const ENTRY_BYTES = 400

export interface ReferenceCacheOptions {
  /** Tells this cache's topics apart from those of other routes. */
  readonly route: string
  readonly maxBytes: number
  /** How long (ms) an answer holds where others write to the same store unseen; undefined: until a change. */
  readonly ttlMs?: number | undefined
  readonly bus: ChangeBus
  readonly shared?: CacheStore | undefined
}

interface Entry {
  readonly digest: Digest
  readonly expiresAt: number
}

interface Flight {
  readonly answer: Promise<ResolvedReference>
  /** Set when a change came in between: what is being loaded may be older than that. */
  outdated: boolean
}

export interface ResolvedReference {
  readonly digest: Digest
  /** Where it was learned. */
  readonly from: 'memory' | 'shared' | 'load'
}

/**
 * Never answers a state older than a write that was answered. A load that began before a change is neither kept nor
 * joined by those who ask after it; what processes share is stored under the count of changes at the load's begin.
 */
export class ReferenceCache {
  readonly #options: ReferenceCacheOptions
  readonly #memory: LRUCache<string, Entry>
  readonly #flights = new Map<string, Flight>()

  constructor(options: ReferenceCacheOptions) {
    this.#options = options
    this.#memory = new LRUCache({ max: Math.max(16, Math.floor(options.maxBytes / ENTRY_BYTES)) })
    options.bus.subscribe(({ topic, item }) => {
      const repository = this.#repositoryOf(topic)
      if (repository !== undefined) this.#drop(repository, item)
    })
  }

  /** What memory knows, at once. */
  peek(repository: RepositoryName, reference: Reference): Digest | undefined {
    const entry = this.#memory.get(entryKey(repository, reference))
    return entry && (entry.expiresAt === Infinity || entry.expiresAt > performance.now())
      ? entry.digest
      : undefined
  }

  /** What is known, or what `load` finds out: one load for all who ask meanwhile. */
  resolve(
    repository: RepositoryName,
    reference: Reference,
    load: () => Promise<Digest>,
  ): Promise<ResolvedReference> {
    const known = this.peek(repository, reference)
    if (known !== undefined) return Promise.resolve({ digest: known, from: 'memory' })
    const key = entryKey(repository, reference)
    const joined = this.#flights.get(key)
    if (joined) return joined.answer
    const flight: Flight = {
      outdated: false,
      answer: this.#load(key, repository, reference, load, () => flight),
    }
    this.#flights.set(key, flight)
    return flight.answer
  }

  /**
   * Forgets a reference of `repository`, or all of them, here and in every process. Awaited after the store of record
   * has changed and before the change is answered.
   */
  async invalidate(repository: RepositoryName, reference?: Reference): Promise<void> {
    this.#drop(repository, reference)
    const topic = this.#topicOf(repository)
    await this.#options.bus.announce(reference === undefined ? { topic } : { topic, item: reference })
  }

  async #load(
    key: string,
    repository: RepositoryName,
    reference: Reference,
    load: () => Promise<Digest>,
    flight: () => Flight,
  ): Promise<ResolvedReference> {
    // The lease counts from here: a change after this moment is one that this load may have missed.
    const expiresAt =
      performance.now() + Math.min(this.#options.bus.lease() ?? Infinity, this.#options.ttlMs ?? Infinity)
    try {
      const sharedKey = await this.#sharedKey(repository, reference)
      const shared = sharedKey && parseDigest(text(await this.#options.shared?.get(sharedKey)))
      const digest = shared || (await load())
      if (!flight().outdated && expiresAt > performance.now()) {
        this.#memory.set(key, { digest, expiresAt })
        if (sharedKey && !shared) this.#share(sharedKey, digest, expiresAt)
      }
      return { digest, from: shared ? 'shared' : 'load' }
    } finally {
      if (this.#flights.get(key) === flight()) this.#flights.delete(key)
    }
  }

  #share(sharedKey: string, digest: Digest, expiresAt: number): void {
    const ttlMs = expiresAt - performance.now()
    if (Number.isFinite(ttlMs) && ttlMs >= 1)
      void this.#options.shared?.set(sharedKey, Buffer.from(digest), { ttlMs })
  }

  async #sharedKey(repository: RepositoryName, reference: Reference): Promise<string | undefined> {
    if (!this.#options.shared) return undefined
    const topic = this.#topicOf(repository)
    const generation = await this.#options.bus.generation(topic)
    return generation === undefined ? undefined : `reference:${topic}:${generation}:${reference}`
  }

  #drop(repository: RepositoryName, reference: string | undefined): void {
    if (reference !== undefined) return this.#dropKey(entryKey(repository, reference))
    const prefix = entryKey(repository, '')
    for (const key of this.#memory.keys()) if (key.startsWith(prefix)) this.#memory.delete(key)
    for (const key of this.#flights.keys()) if (key.startsWith(prefix)) this.#dropKey(key)
  }

  #dropKey(key: string): void {
    this.#memory.delete(key)
    const flight = this.#flights.get(key)
    if (flight) flight.outdated = true
    this.#flights.delete(key)
  }

  #topicOf(repository: RepositoryName): string {
    return `${this.#options.route}|${repository}`
  }

  #repositoryOf(topic: string): RepositoryName | undefined {
    const prefix = `${this.#options.route}|`
    // Only this cache's own topics, built from a repository's name, begin so.
    return topic.startsWith(prefix) ? (topic.slice(prefix.length) as RepositoryName) : undefined
  }
}

/** No tag, digest or repository name holds a blank. */
function entryKey(repository: RepositoryName, reference: string): string {
  return `${repository} ${reference}`
}

function text(bytes: Uint8Array | undefined): string {
  return bytes ? Buffer.from(bytes).toString('latin1') : ''
}
