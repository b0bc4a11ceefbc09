// Manifests of a mirror: which one a tag means now, asked of the upstream as seldom as possible, and never twice at once.
import { SingleFlight } from '../../cache/single-flight.ts'
import type { Digest } from '../../oci/digest.ts'
import { isDigest, type Reference, type Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { UpstreamClient } from '../../upstream/client.ts'
import {
  UpstreamDeniedError,
  UpstreamError,
  UpstreamNotFoundError,
  UpstreamUnauthorizedError,
  UpstreamUnavailableError,
} from '../../upstream/errors.ts'
import type { ContentStore } from '../content/content-store.ts'
import type { ManifestCache } from '../manifest-cache.ts'
import type { CacheVerdict, Manifest, ManifestAnswer } from '../registry.ts'
import type { Deliveries } from './deliveries.ts'
import { KeptManifests } from './kept-manifests.ts'
import { TagStates, type TagState } from './tag-states.ts'

export interface MirrorManifestsOptions {
  readonly client: UpstreamClient
  readonly content: ContentStore
  readonly manifests: Pick<ManifestCache, 'peek' | 'get' | 'put'>
  readonly deliveries: Deliveries
  readonly nameOf: (repository: RepositoryName) => RepositoryName
  readonly tagTtlMs: (tag: Tag) => number
  readonly now: () => number
  /** How long a tag that is cached may wait for the upstream's word on it. */
  readonly revalidateTimeoutMs: number
  /** How long an upstream that failed is not asked about the same tag again. */
  readonly retryMs: number
}

const MAX_RETRY_MS = 60 * 60 * 1000

/** Rejects with `UpstreamError`s. */
export class MirrorManifests {
  readonly #options: MirrorManifestsOptions
  readonly #kept: KeptManifests
  readonly #tags: TagStates
  readonly #flights = new SingleFlight<ManifestAnswer>()

  constructor(options: MirrorManifestsOptions) {
    const { content, manifests: cache, deliveries } = options
    this.#options = options
    this.#kept = new KeptManifests({ content, cache, deliveries })
    this.#tags = new TagStates(content)
  }

  get(repository: RepositoryName, reference: Reference): Promise<ManifestAnswer> | ManifestAnswer {
    const hot = isDigest(reference) ? this.#peek(repository, reference) : this.#peekTag(repository, reference)
    if (hot) return hot
    return this.#flights.run(`${repository} ${reference}`, () =>
      isDigest(reference) ? this.#byDigest(repository, reference) : this.#byTag(repository, reference),
    )
  }

  #peek(repository: RepositoryName, digest: Digest): ManifestAnswer | undefined {
    const manifest = this.#kept.peek(repository, digest)
    return manifest && { manifest, cache: 'hit' }
  }

  #peekTag(repository: RepositoryName, tag: Tag): ManifestAnswer | undefined {
    const state = this.#tags.peek(repository, tag)
    const manifest =
      state && this.#isFresh(tag, state) ? this.#kept.peek(repository, state.digest) : undefined
    return state && manifest && this.#answer(manifest, 'hit', state.checkedAt)
  }

  async #byDigest(repository: RepositoryName, digest: Digest): Promise<ManifestAnswer> {
    const manifest = await this.#kept.find(repository, digest)
    return manifest ? { manifest, cache: 'hit' } : this.#fetchDigest(repository, digest)
  }

  /** A manifest that the repository is not known to hold: a HEAD is enough where the upstream delivered its bytes before. */
  async #fetchDigest(repository: RepositoryName, digest: Digest): Promise<ManifestAnswer> {
    const { client, nameOf } = this.#options
    const known = await this.#kept.findDelivered(digest)
    if (known) await client.headManifest(nameOf(repository), digest)
    const manifest = known ?? (await client.getManifest(nameOf(repository), digest))
    await this.#kept.keep(repository, manifest)
    return { manifest, cache: known ? 'revalidated' : 'miss' }
  }

  async #byTag(repository: RepositoryName, tag: Tag): Promise<ManifestAnswer> {
    const asked = this.#options.now()
    const state = await this.#tags.load(repository, tag)
    try {
      return await this.#byState(repository, tag, state)
    } catch (error) {
      // What was taken back must not come up again when the upstream can not be asked.
      if (state && error instanceof UpstreamNotFoundError) await this.#tags.forget(repository, tag, asked)
      throw error
    }
  }

  async #byState(repository: RepositoryName, tag: Tag, state: TagState | undefined): Promise<ManifestAnswer> {
    const manifest = state && (await this.#kept.find(repository, state.digest))
    if (!state || !manifest) return this.#fetchTag(repository, tag)
    if (this.#isFresh(tag, state)) return this.#answer(manifest, 'hit', state.checkedAt)
    if (state.retryAt !== undefined && this.#options.now() < state.retryAt)
      return this.#stale(manifest, state)
    try {
      return await this.#revalidate(repository, tag, manifest)
    } catch (error) {
      if (!mayServeStale(error)) throw error
      this.#tags.defer(repository, tag, state, this.#retryAt(error))
      return this.#stale(manifest, state)
    }
  }

  async #fetchTag(repository: RepositoryName, tag: Tag): Promise<ManifestAnswer> {
    const { client, nameOf, now } = this.#options
    const asked = now()
    const manifest = await client.getManifest(nameOf(repository), tag)
    await this.#kept.keep(repository, manifest)
    await this.#tags.confirm(repository, tag, manifest.digest, asked)
    return this.#answer(manifest, 'miss', asked)
  }

  /** Asks by HEAD, which costs no quota, whether the tag still means `known`. */
  async #revalidate(repository: RepositoryName, tag: Tag, known: Manifest): Promise<ManifestAnswer> {
    const asked = this.#options.now()
    const digest = await this.#headDigest(repository, tag)
    if (digest === undefined) return this.#fetchTag(repository, tag)
    if (digest === known.digest) {
      await this.#tags.confirm(repository, tag, digest, asked)
      return this.#answer(known, 'revalidated', asked)
    }
    try {
      const moved = await this.#byDigest(repository, digest)
      await this.#tags.confirm(repository, tag, digest, asked)
      return this.#answer(moved.manifest, 'miss', asked)
    } catch (error) {
      // It moved again between the two requests, and what it meant is gone.
      if (error instanceof UpstreamNotFoundError) return this.#fetchTag(repository, tag)
      throw error
    }
  }

  async #headDigest(repository: RepositoryName, tag: Tag): Promise<Digest | undefined> {
    const { client, nameOf, revalidateTimeoutMs } = this.#options
    const signal = AbortSignal.timeout(revalidateTimeoutMs)
    try {
      const head = await client.headManifest(nameOf(repository), tag, { signal })
      return head.digest
    } catch (cause) {
      if (cause !== signal.reason) throw cause
      throw new UpstreamUnavailableError('the upstream did not answer in time', { cause, timedOut: true })
    }
  }

  #isFresh(tag: Tag, { checkedAt }: TagState): boolean {
    const age = this.#options.now() - checkedAt
    return age >= 0 && age < this.#options.tagTtlMs(tag)
  }

  #answer(manifest: Manifest, cache: CacheVerdict, checkedAt: number): ManifestAnswer {
    return { manifest, cache, ageSeconds: this.#ageSeconds(checkedAt) }
  }

  #stale(manifest: Manifest, { checkedAt }: TagState): ManifestAnswer {
    const warning = 'the upstream registry can not be asked now: this tag may have moved there'
    const cache = 'stale'
    return checkedAt === 0
      ? { manifest, cache, warning }
      : { ...this.#answer(manifest, cache, checkedAt), warning }
  }

  #ageSeconds(checkedAt: number): number {
    return Math.max(0, Math.floor((this.#options.now() - checkedAt) / 1000))
  }

  #retryAt(error: UpstreamError): number {
    const { retryMs, now } = this.#options
    const asked = error.retryAfterSeconds === undefined ? 0 : error.retryAfterSeconds * 1000
    return now() + Math.min(Math.max(retryMs, asked), MAX_RETRY_MS)
  }
}

/** An upstream that answers no is believed; one that can not answer is not. */
function mayServeStale(error: unknown): error is UpstreamError {
  const isNo =
    error instanceof UpstreamUnauthorizedError ||
    error instanceof UpstreamDeniedError ||
    error instanceof UpstreamNotFoundError
  return error instanceof UpstreamError && !isNo
}
