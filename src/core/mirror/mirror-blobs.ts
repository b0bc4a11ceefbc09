// Blobs of a mirror: kept ones from the store, others from the upstream, read once however many ask.
import type { Readable } from 'node:stream'
import type { Digest } from '../../oci/digest.ts'
import { RegistryError } from '../../oci/error.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { PathNotFoundError } from '../../storage/driver.ts'
import type { UpstreamClient } from '../../upstream/client.ts'
import type { StoredBlob } from '../content/blobs.ts'
import type { ContentStore } from '../content/content-store.ts'
import type { CacheVerdict, OpenBlob } from '../registry.ts'
import { asCache } from './as-cache.ts'
import type { Deliveries } from './deliveries.ts'
import { Fills } from './fills/fills.ts'
import type { FillLimits } from './fills/fill-limits.ts'

export interface MirrorBlobsOptions {
  readonly client: UpstreamClient
  readonly content: ContentStore
  readonly deliveries: Deliveries
  readonly nameOf: (repository: RepositoryName) => RepositoryName
  /** A folder on the local disk for blobs on their way. */
  readonly spoolFolder: string
  readonly limits: FillLimits
}

/** Rejects with `UpstreamError`s. */
export class MirrorBlobs {
  readonly #options: MirrorBlobsOptions
  readonly #fills: Fills

  constructor(options: MirrorBlobsOptions) {
    const { content, deliveries } = options
    this.#options = options
    this.#fills = new Fills({
      ...options,
      isKept: async (digest) => (await this.#findDelivered(digest)) !== undefined,
      keep: async (file, blob) => {
        await content.blobs.adopt(file, blob)
        await deliveries.add(blob.digest)
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
    if (kept) return this.#openStored(kept, 'hit')
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

  async #openStored({ digest, size }: StoredBlob, cache: CacheVerdict): Promise<OpenBlob> {
    const { blobs } = this.#options.content
    const redirectUrl = await blobs.redirectUrl(digest)
    return {
      size,
      cache,
      ...(redirectUrl === undefined ? {} : { redirectUrl }),
      read: (range) => readStored(() => blobs.read(digest, range ? { range } : {})),
      release: () => undefined,
    }
  }

  /** Joins the fill of a blob that the upstream lets this repository have, or starts it. */
  async #follow(repository: RepositoryName, digest: Digest, signal: AbortSignal): Promise<OpenBlob> {
    const running = this.#fills.get(digest) ?? this.#fills.start(repository, digest)
    running.repositories.add(repository)
    const fill = await running.fill
    if (!fill) return this.#openKept(repository, digest, signal)
    // It ended this very moment: the bytes are kept now, or another fill is due.
    return fill.open() ?? this.open(repository, digest, signal)
  }

  /** The bytes were found on the store when they were to be fetched. */
  async #openKept(repository: RepositoryName, digest: Digest, signal: AbortSignal): Promise<OpenBlob> {
    const kept = await this.#find(repository, digest)
    return kept ? this.#openStored(kept, 'hit') : this.#openElsewhere(repository, digest, signal)
  }

  /** The upstream delivered the bytes, or does so now, for another repository: this one has them only if it says so. */
  async #openElsewhere(repository: RepositoryName, digest: Digest, signal: AbortSignal): Promise<OpenBlob> {
    const { client, content, nameOf } = this.#options
    await client.statBlob(nameOf(repository), digest, { signal })
    const stored = this.#fills.get(digest) ? undefined : await this.#findDelivered(digest)
    if (!stored) return this.#follow(repository, digest, signal)
    await asCache(() => content.blobs.link(repository, digest))
    return this.#openStored(stored, 'revalidated')
  }
}

async function readStored(read: () => Promise<Readable>): Promise<Readable> {
  try {
    return await read()
  } catch (cause) {
    if (cause instanceof PathNotFoundError)
      throw new RegistryError('BLOB_UNKNOWN', 'the blob was evicted: ask again', { cause })
    throw cause
  }
}
