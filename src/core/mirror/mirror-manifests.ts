// Manifests of a mirror, by tag or digest, and never asked for twice at once.
import { SingleFlight } from '../../cache/single-flight.ts'
import type { Digest } from '../../oci/digest.ts'
import { isDigest, type Reference, type Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ContentStore } from '../content/content-store.ts'
import type { ManifestAnswer, Page, PageRequest } from '../registry.ts'
import { AbsentManifests } from './absent-manifests.ts'
import { MirrorDigests, type MirrorDigestsOptions } from './mirror-digests.ts'
import { MirrorTags, type MirrorTagsOptions } from './mirror-tags.ts'
import { TagHistory } from './tag-history.ts'
import { TagStates } from './tag-states.ts'
import { TagsAsOf } from './tags-as-of.ts'

export interface MirrorManifestsOptions
  extends MirrorDigestsOptions, Omit<MirrorTagsOptions, 'digests' | 'states'> {
  readonly content: ContentStore
  /** For how long an upstream is not asked again for what it does not have. */
  readonly negativeTtlMs: number
  /** A moment, in ms since the epoch: once it has come, tags are answered as they stood then. */
  readonly asOf?: number | undefined
}

/** Rejects with `UpstreamError`s. */
export class MirrorManifests {
  readonly #options: MirrorManifestsOptions
  readonly #digests: MirrorDigests
  readonly #tags: MirrorTags
  readonly #past: TagsAsOf | undefined
  readonly #absent: AbsentManifests
  readonly #flights = new SingleFlight<ManifestAnswer>()

  constructor(options: MirrorManifestsOptions) {
    const { content, asOf, now, negativeTtlMs } = options
    this.#options = options
    this.#digests = new MirrorDigests(options)
    this.#tags = new MirrorTags({ ...options, digests: this.#digests, states: new TagStates(content) })
    this.#absent = new AbsentManifests({ ttlMs: negativeTtlMs, now })
    if (asOf === undefined) return
    this.#past = new TagsAsOf({ history: new TagHistory(content.driver), digests: this.#digests, asOf })
  }

  get(repository: RepositoryName, reference: Reference): Promise<ManifestAnswer> | ManifestAnswer {
    const hot = isDigest(reference)
      ? this.#peekDigest(repository, reference)
      : this.#tagsNow().peek(repository, reference)
    if (hot) return hot
    return this.#flights.run(`${repository} ${reference}`, () =>
      this.#absent.unlessAbsent(repository, reference, () =>
        isDigest(reference)
          ? this.#digests.get(repository, reference)
          : this.#tagsNow().get(repository, reference),
      ),
    )
  }

  /** Undefined where the upstream has to say. */
  listPast(repository: RepositoryName, page: PageRequest): Promise<Page<Tag>> | undefined {
    return this.#isPast() ? this.#past?.list(repository, page) : undefined
  }

  close(): Promise<void> {
    return this.#tags.close()
  }

  #peekDigest(repository: RepositoryName, digest: Digest): ManifestAnswer | undefined {
    const manifest = this.#digests.peek(repository, digest)
    return manifest && { manifest, cache: 'hit' }
  }

  #tagsNow(): Pick<MirrorTags, 'peek' | 'get'> {
    return (this.#isPast() ? this.#past : undefined) ?? this.#tags
  }

  #isPast(): boolean {
    const { asOf, now } = this.#options
    return asOf !== undefined && now() >= asOf
  }
}
