// Blobs of a mirror: kept ones from the store, others from the upstream, read once however many ask.
import type { Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { StorageFullError } from '../../storage/driver.ts'
import type { UpstreamClient } from '../../upstream/client.ts'
import type { StoredBlob } from '../content/blobs.ts'
import type { ContentStore } from '../content/content-store.ts'
import type { CacheVerdict, OpenBlob } from '../registry.ts'
import { asCache } from './as-cache.ts'
import type { Deliveries } from './deliveries.ts'
import { Fills } from './fills/fills.ts'
import type { FillLimits } from './fills/fill-limits.ts'
import { openKept } from './kept-blob.ts'
import type { StoreWatch } from './store-watch.ts'

export interface MirrorBlobsOptions {
  readonly client: UpstreamClient
  readonly content: ContentStore
  readonly deliveries: Deliveries
  readonly watch: StoreWatch
  readonly nameOf: (repository: RepositoryName) => RepositoryName
  /** A folder on the local disk for blobs on their way. */
  readonly spoolFolder: string
  readonly limits: FillLimits
}

/** What was asked for, and what was found out about it. */
interface Opening {
  readonly digest: Digest
  readonly cache: CacheVerdict
  readonly signal: AbortSignal
}

/** Rejects with `UpstreamError`s. */
export class MirrorBlobs {
  readonly #options: MirrorBlobsOptions
  readonly #fills: Fills

  constructor(options: MirrorBlobsOptions) {
    const { content, deliveries, watch } = options
    this.#options = options
    this.#fills = new Fills({
      ...options,
      isKept: async (digest) => (await this.#findDelivered(digest)) !== undefined,
      keep: async (file, blob) => {
        if (blob.size > (watch.maxBytes ?? Infinity))
          throw new StorageFullError(`a blob of ${blob.size} bytes is more than the store may hold`)
        await content.blobs.adopt(file, blob)
        await deliveries.add(blob.digest)
        watch.kept(blob.size)
      },
      link: async (repositories, digest) => {
        for (const each of repositories) await content.blobs.link(each, digest)
      },
    })
  }

  async stat(
    repository: RepositoryName,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<{ size: number; cache: CacheVerdict }> {
    const { client, nameOf } = this.#options
    const kept = await this.#find(repository, digest)
    if (kept) return { size: kept.size, cache: 'hit' }
    return { ...(await client.statBlob(nameOf(repository), digest, { signal })), cache: 'miss' }
  }

  async open(repository: RepositoryName, digest: Digest, signal: AbortSignal): Promise<OpenBlob> {
    const kept = await this.#find(repository, digest)
    if (kept) return this.#openKept(repository, kept, { digest, signal, cache: 'hit' })
    const running = this.#fills.get(digest)
    // No wait between this look and what follows: of all who ask at once, one starts the fill.
    if (!running || running.repositories.has(repository)) return this.#follow(repository, digest, signal)
    return this.#openElsewhere(repository, digest, signal)
  }

  /** Breaks off what is under way. */
  close(): Promise<void> {
    return this.#fills.close()
  }

  #find(repository: RepositoryName, digest: Digest): Promise<StoredBlob | undefined> {
    return asCache(() => this.#options.content.blobs.find(repository, digest))
  }

  /** What lies on the store and came from this very upstream: others may have put their bytes there, too. */
  #findDelivered(digest: Digest): Promise<StoredBlob | undefined> {
    const { content, deliveries } = this.#options
    return asCache(async () => ((await deliveries.has(digest)) ? content.blobs.stat(digest) : undefined))
  }

  #openKept(
    repository: RepositoryName,
    kept: StoredBlob,
    { digest, cache, signal }: Opening,
  ): Promise<OpenBlob> {
    const { content, watch } = this.#options
    const reopen = () => this.open(repository, digest, signal)
    return openKept(kept, cache, { blobs: content.blobs, watch, reopen })
  }

  /** Joins the fill of a blob that the upstream lets this repository have, or starts it. */
  async #follow(repository: RepositoryName, digest: Digest, signal: AbortSignal): Promise<OpenBlob> {
    const running = this.#fills.get(digest) ?? this.#fills.start(repository, digest)
    running.repositories.add(repository)
    const fill = await running.fill.catch((error: unknown) => {
      // That the upstream refuses it to another repository says nothing of this one, and that one's fill is gone now.
      if (running.repository === repository) throw error
      return 'refused' as const
    })
    if (fill === 'refused') return this.#follow(repository, digest, signal)
    if (!fill) return this.#openFound(repository, digest, signal)
    // It ended this very moment: the bytes are kept now, or another fill is due.
    return fill.open() ?? this.open(repository, digest, signal)
  }

  /** The bytes were found on the store when they were to be fetched. */
  async #openFound(repository: RepositoryName, digest: Digest, signal: AbortSignal): Promise<OpenBlob> {
    const kept = await this.#find(repository, digest)
    if (kept) return this.#openKept(repository, kept, { digest, signal, cache: 'hit' })
    return this.#openElsewhere(repository, digest, signal)
  }

  /** The upstream delivered the bytes, or does so now, for another repository: this one has them only if it says so. */
  async #openElsewhere(repository: RepositoryName, digest: Digest, signal: AbortSignal): Promise<OpenBlob> {
    const { client, content, nameOf } = this.#options
    await client.statBlob(nameOf(repository), digest, { signal })
    const stored = this.#fills.get(digest) ? undefined : await this.#findDelivered(digest)
    if (!stored) return this.#follow(repository, digest, signal)
    await asCache(() => content.blobs.link(repository, digest))
    return this.#openKept(repository, stored, { digest, signal, cache: 'revalidated' })
  }
}
