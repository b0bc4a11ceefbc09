// A pull-through mirror of one upstream registry, as a Registry that can only be read.
import type { Locks } from '../../cache/locks.ts'
import { ACCEPT_ANYTHING } from '../../oci/accept.ts'
import { RegistryError, type ErrorCode } from '../../oci/error.ts'
import type { Digest } from '../../oci/digest.ts'
import { isIndexType } from '../../oci/media-type.ts'
import { isDigest, type Reference, type Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { UpstreamClient } from '../../upstream/client.ts'
import { UpstreamRateLimitedError, UpstreamUnavailableError } from '../../upstream/errors.ts'
import type { ContentStore } from '../content/content-store.ts'
import type { ManifestCache } from '../manifest-cache.ts'
import { pageOfDescriptors } from '../referrers-page.ts'
import { translated } from '../upstream-failure.ts'
import { upstreamName, type NameRewrite } from '../upstream-name.ts'
import { Deliveries } from './deliveries.ts'
import { DEFAULT_FILL_LIMITS, type FillLimits } from './fills/fill-limits.ts'
import { MirrorBlobs } from './mirror-blobs.ts'
import { MirrorManifests } from './mirror-manifests.ts'
import type { TagNews } from './tag-news.ts'
import { imageInstead } from './platform-choice.ts'
import { UNWATCHED, type StoreWatch } from './store-watch.ts'
import type { Quota, TagFreshnessOptions } from './tag-freshness.ts'
import type {
  CacheVerdict,
  ManifestAnswer,
  OpenBlob,
  Page,
  PageRequest,
  ReferrersAnswer,
  ReferrersRequest,
  Registry,
  RequestContext,
} from '../registry.ts'

export interface MirrorRegistryOptions extends Omit<TagFreshnessOptions, 'now'> {
  /** Closed with the registry. */
  readonly client: UpstreamClient
  /** What was fetched, under our names. Mirrors may share it: its driver is closed by who opened it. */
  readonly content: ContentStore
  /** Manifest bytes in memory, shared with other registries. */
  readonly manifests: Pick<ManifestCache, 'peek' | 'get' | 'put'>
  /** From our names to the upstream's: `docker.io/` and nothing. */
  readonly rewrite?: NameRewrite | undefined
  /** A folder on the local disk for blobs on their way, shared by all processes of the machine that use the store. */
  readonly spoolFolder: string
  /** Milliseconds since the epoch; the system's clock by default. */
  readonly now?: () => number
  /** How long a tag that is cached may wait for the upstream's word on it; 5 s. */
  readonly revalidateTimeoutMs?: number
  /** How long an upstream that failed is not asked about the same tag again; 5 s, or longer if it says so. */
  readonly retryMs?: number
  /** How long an upstream is not asked again for what it does not have; 2 s. */
  readonly negativeTtlMs?: number
  /** In ms since the epoch: once that moment has come, tags are answered as they stood then. */
  readonly asOf?: number | undefined
  /** Shared with the other processes of the gateway, so that of all who want a manifest one asks the upstream. */
  readonly locks?: Locks | undefined
  /** What other processes of the gateway are told of tags, and tell; by default there are none. */
  readonly news?: TagNews
  /** Who is told of the use of the store; by default nothing ever goes from it. */
  readonly watch?: StoreWatch
  /** What downloads may take of the machine. */
  readonly limits?: Partial<FillLimits>
}

export class MirrorRegistry implements Registry {
  readonly uploads = undefined
  readonly #client: UpstreamClient
  readonly #content: ContentStore
  readonly #rewrite: NameRewrite | undefined
  readonly #watch: StoreWatch
  /** Whether lists of tags come from what is here when the upstream can not be asked. */
  readonly #servesStale: boolean
  readonly #manifests: MirrorManifests
  readonly #blobs: MirrorBlobs

  constructor(options: MirrorRegistryOptions) {
    const { client, content, rewrite } = options
    const { now = Date.now, revalidateTimeoutMs = 5_000, retryMs = 5_000, negativeTtlMs = 2_000 } = options
    const nameOf = (repository: RepositoryName): RepositoryName => upstreamName(repository, rewrite)
    this.#client = client
    this.#content = content
    this.#rewrite = rewrite
    this.#servesStale = options.staleIfErrorMs !== 0
    this.#watch = options.watch ?? UNWATCHED
    const shared = {
      quota: quotaOf(client),
      ...options,
      watch: this.#watch,
      nameOf,
      deliveries: new Deliveries(content.driver, client.address),
    }
    this.#manifests = new MirrorManifests({ ...shared, now, revalidateTimeoutMs, retryMs, negativeTtlMs })
    this.#blobs = new MirrorBlobs({ ...shared, limits: { ...DEFAULT_FILL_LIMITS, ...options.limits } })
  }

  peekManifest(
    repository: RepositoryName,
    reference: Reference,
    { accept }: Pick<RequestContext, 'accept'>,
  ): ManifestAnswer | undefined {
    const answer = this.#manifests.peek(repository, reference)
    if (!answer) return undefined
    const { mediaType } = answer.manifest
    if (!isDigest(reference) && isIndexType(mediaType) && !accept.accepts(mediaType)) return undefined
    this.#pulled(repository, reference, answer)
    return answer
  }

  /** A digest is answered with its own bytes; a tag with those that the client takes. */
  getManifest(
    repository: RepositoryName,
    reference: Reference,
    { accept }: Pick<RequestContext, 'accept'> = { accept: ACCEPT_ANYTHING },
  ): Promise<ManifestAnswer> {
    return fromUpstream('MANIFEST_UNKNOWN', async () => {
      const answer = await this.#manifests.get(repository, reference)
      this.#pulled(repository, reference, answer)
      const image = isDigest(reference) ? undefined : imageInstead(answer.manifest, accept)
      if (image === undefined) return answer
      const { manifest, cache } = await this.#manifests.get(repository, image)
      return { ...answer, manifest, cache: cache === 'hit' ? answer.cache : cache }
    })
  }

  statBlob(
    repository: RepositoryName,
    digest: Digest,
    { signal }: RequestContext,
  ): Promise<{ size: number; cache: CacheVerdict }> {
    return fromUpstream('BLOB_UNKNOWN', () => this.#blobs.stat(repository, digest, signal))
  }

  openBlob(repository: RepositoryName, digest: Digest, { signal }: RequestContext): Promise<OpenBlob> {
    return fromUpstream('BLOB_UNKNOWN', () => this.#blobs.open(repository, digest, signal))
  }

  listTags(repository: RepositoryName, page: PageRequest, { signal }: RequestContext): Promise<Page<Tag>> {
    return fromUpstream('NAME_UNKNOWN', async () => {
      const past = this.#manifests.listPast(repository, page)
      if (past) return past
      return this.#orLocal(
        () => this.#client.listTags(upstreamName(repository, this.#rewrite), page, { signal }),
        async () =>
          (await this.#content.repositories.has(repository))
            ? this.#content.tags.list(repository, page)
            : undefined,
      )
    })
  }

  /** What was mirrored: the upstream's own catalog is endless. */
  listRepositories(page: PageRequest): Promise<Page<RepositoryName>> {
    return this.#content.repositories.list(page)
  }

  listReferrers(
    repository: RepositoryName,
    subject: Digest,
    request: ReferrersRequest,
    { signal }: RequestContext,
  ): Promise<ReferrersAnswer> {
    return fromUpstream('NAME_UNKNOWN', async () => {
      const name = upstreamName(repository, this.#rewrite)
      return pageOfDescriptors(await this.#client.listReferrers(name, subject, { signal }), request)
    })
  }

  putManifest = refuseWrite
  deleteManifest = refuseWrite
  deleteBlob = refuseWrite

  async close(): Promise<void> {
    await this.#blobs.close()
    await this.#client.close()
    await this.#manifests.close()
  }

  #pulled(repository: RepositoryName, reference: Reference, { manifest }: ManifestAnswer): void {
    this.#watch.pulled(repository, reference)
    // The tag of now may mean something else, and keeps that.
    if (this.#manifests.isPast()) this.#watch.pulled(repository, manifest.digest)
  }

  /** What is here, when the upstream can not answer; undefined there leaves it at the upstream's failure. */
  async #orLocal<Answer>(
    ask: () => Promise<Answer>,
    local: () => Promise<Answer | undefined>,
  ): Promise<Answer> {
    try {
      return await ask()
    } catch (error) {
      const isDown = error instanceof UpstreamUnavailableError || error instanceof UpstreamRateLimitedError
      const answer = isDown && this.#servesStale ? await local() : undefined
      if (answer === undefined) throw error
      return answer
    }
  }
}

async function refuseWrite(): Promise<never> {
  throw new RegistryError('UNSUPPORTED', 'this repository mirrors another registry: push to that one', {
    headers: { Allow: 'GET, HEAD' },
  })
}

/** Of whichever URL, and in whoever's name, the client asks at the moment. */
function quotaOf(client: UpstreamClient): Quota {
  return {
    remainingShare: () => client.budget.remainingShare(),
    isReserveOnly: () => client.budget.isReserveOnly(),
  }
}

function fromUpstream<Result>(notFound: ErrorCode, work: () => Promise<Result>): Promise<Result> {
  return translated({ notFound, unauthorized: 'DENIED', unavailable: 503 }, work)
}
