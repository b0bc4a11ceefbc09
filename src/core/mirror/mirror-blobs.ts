// Blobs of a mirror: kept ones from the store, others from the upstream, read once however many ask.
import { randomUUID } from 'node:crypto'
import { dirname } from 'node:path/posix'
import type { Readable } from 'node:stream'
import type { ByteRange } from '../../oci/byte-range.ts'
import type { Digest } from '../../oci/digest.ts'
import { RegistryError } from '../../oci/error.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { PathNotFoundError, type FileWriter } from '../../storage/driver.ts'
import type { UpstreamClient } from '../../upstream/client.ts'
import type { StoredBlob } from '../content/blobs.ts'
import type { ContentStore } from '../content/content-store.ts'
import { stagingDataPath } from '../content/layout.ts'
import type { CacheVerdict, OpenBlob } from '../registry.ts'
import { asCache, MIRROR_FAILURES } from './as-cache.ts'
import { BlobFill } from './blob-fill.ts'
import type { Deliveries } from './deliveries.ts'
import { OrphanFills, type FillLimits } from './fill-limits.ts'
import { SpoolRoom } from './spool-room.ts'

export interface MirrorBlobsOptions {
  readonly client: UpstreamClient
  readonly content: ContentStore
  readonly deliveries: Deliveries
  readonly nameOf: (repository: RepositoryName) => RepositoryName
  /** A folder on the local disk for blobs on their way. */
  readonly spoolFolder: string
  readonly limits: FillLimits
}

/** When a client that found too many downloads under way may come back. */
const BUSY_SECONDS = '5'

/** A fill under way, and the repositories of which the upstream said that they hold the blob. */
interface RunningFill {
  readonly repositories: Set<RepositoryName>
  readonly fill: Promise<BlobFill>
}

/** Rejects with `UpstreamError`s. */
export class MirrorBlobs {
  readonly #options: MirrorBlobsOptions
  readonly #fills = new Map<Digest, RunningFill>()
  readonly #orphans: OrphanFills
  readonly #room: SpoolRoom
  readonly #closing = new AbortController()

  constructor(options: MirrorBlobsOptions) {
    const { limits, spoolFolder: folder } = options
    this.#options = options
    this.#orphans = new OrphanFills(limits)
    this.#room = new SpoolRoom({ folder, reserveBytes: limits.reserveBytes })
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
    const { client, content, nameOf } = this.#options
    const delivered = await this.#findDelivered(digest)
    const running = this.#fills.get(digest)
    // No wait between this look and what follows: of all who ask at once, one starts the fill.
    if (running?.repositories.has(repository) || (!running && !delivered))
      return this.#follow(repository, digest, signal)
    // The upstream delivered the bytes, or does so now, for another repository: this one has them only if it says so.
    await client.statBlob(nameOf(repository), digest, { signal })
    const stored = this.#fills.has(digest) ? undefined : await this.#findDelivered(digest)
    if (!stored) return this.#follow(repository, digest, signal)
    await asCache(() => content.blobs.link(repository, digest))
    return this.#openStored(stored, 'revalidated')
  }

  /** Breaks off what is under way. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled([...this.#fills.values()].map(async ({ fill }) => (await fill).ended))
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
    const running = this.#fills.get(digest) ?? this.#start(repository, digest)
    running.repositories.add(repository)
    const opened = (await running.fill).open()
    // It ended this very moment: the bytes are kept now.
    return opened ?? this.open(repository, digest, signal)
  }

  #start(repository: RepositoryName, digest: Digest): RunningFill {
    if (this.#fills.size >= this.#options.limits.maxFills)
      throw new RegistryError('UNAVAILABLE', 'too many blobs are being fetched: try again', {
        headers: { 'Retry-After': BUSY_SECONDS },
      })
    const repositories = new Set([repository])
    const forget = (): void => {
      if (this.#fills.get(digest) === started) this.#fills.delete(digest)
    }
    const fill = this.#begin(repository, digest, repositories, forget)
    const started = { repositories, fill }
    this.#fills.set(digest, started)
    fill.then((begun) => begun.ended.then(forget), forget)
    return started
  }

  async #begin(
    repository: RepositoryName,
    digest: Digest,
    repositories: ReadonlySet<RepositoryName>,
    forget: () => void,
  ): Promise<BlobFill> {
    const { client, content, deliveries, nameOf } = this.#options
    const name = nameOf(repository)
    // No caller's signal: whoever asked first may leave, the others go on.
    const { signal } = this.#closing
    const { size, body } = await client.openBlob(name, digest, { signal })
    const reopen = async (range: ByteRange): Promise<Readable> => {
      const again = await client.openBlob(name, digest, { signal, range })
      return again.body
    }
    const stagingPath = stagingDataPath(randomUUID())
    const spool = await this.#room.open(size).catch(degraded)
    const writer = spool && (await content.driver.openWriter(stagingPath).catch(degraded))
    const keep = async (finished: FileWriter): Promise<void> => {
      await content.blobs.commit(finished, digest)
      await deliveries.add(digest)
      for (const each of repositories) await content.blobs.link(each, digest)
      // From here on nobody may join and expect to be linked.
      forget()
    }
    const orphans = this.#orphans
    const fill = new BlobFill({ digest, size, body, reopen, spool, writer, keep, orphans, onBroken: forget })
    if (writer) void fill.ended.then(() => content.driver.delete(dirname(stagingPath)).catch(degraded))
    return fill
  }
}

function degraded(error: unknown): undefined {
  MIRROR_FAILURES.publish({ error })
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
