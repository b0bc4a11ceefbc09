// Manifests of a mirror, by tag or digest, and never asked for twice at once.
import { inTurn } from '../../cache/in-turn.ts'
import type { Locks } from '../../cache/locks.ts'
import { SingleFlight } from '../../cache/single-flight.ts'
import { isDigest, type Reference, type Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ContentStore } from '../content/content-store.ts'
import type { ManifestAnswer, Page, PageRequest } from '../registry.ts'
import { AbsentManifests } from './absent-manifests.ts'
import { MirrorDigests, type MirrorDigestsOptions } from './mirror-digests.ts'
import { MirrorTags, type MirrorTagsOptions } from './mirror-tags.ts'
import { TagHistory } from './tag-history.ts'
import type { TagNews } from './tag-news.ts'
import { TagStates } from './tag-states.ts'
import { TagsAsOf } from './tags-as-of.ts'

export interface MirrorManifestsOptions
  extends MirrorDigestsOptions, Omit<MirrorTagsOptions, 'digests' | 'states'> {
  readonly content: ContentStore
  /** For how long an upstream is not asked again for what it does not have. */
  readonly negativeTtlMs: number
  /** A moment, in ms since the epoch: once it has come, tags are answered as they stood then. */
  readonly asOf?: number | undefined
  /** Shared with the other processes of the gateway, so that only one of them asks; without it each asks for itself. */
  readonly locks?: Locks | undefined
  /** What other processes are told of tags, and tell; by default there are none. */
  readonly news?: TagNews | undefined
}

/** Who waits longer for another process than that asks for itself: the upstream may hang there. */
const PATIENCE_MS = 5_000

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
    this.#tags = new MirrorTags({
      ...options,
      digests: this.#digests,
      states: new TagStates(content, options.news),
    })
    this.#absent = new AbsentManifests({ ttlMs: negativeTtlMs, now })
    if (asOf === undefined) return
    this.#past = new TagsAsOf({ history: new TagHistory(content.driver), digests: this.#digests, asOf })
  }

  /** What memory can answer, at once. */
  peek(repository: RepositoryName, reference: Reference): ManifestAnswer | undefined {
    if (!isDigest(reference)) return this.#tagsNow().peek(repository, reference)
    const manifest = this.#digests.peek(repository, reference)
    return manifest && { manifest, cache: 'hit' }
  }

  get(repository: RepositoryName, reference: Reference): Promise<ManifestAnswer> | ManifestAnswer {
    return (
      this.peek(repository, reference) ??
      this.#flights.run(`${repository} ${reference}`, () => this.#load(repository, reference))
    )
  }

  /** Whether tags are answered as they stood. */
  isPast(): boolean {
    const { asOf, now } = this.#options
    return asOf !== undefined && now() >= asOf
  }

  /** Undefined where the upstream has to say. */
  listPast(repository: RepositoryName, page: PageRequest): Promise<Page<Tag>> | undefined {
    return this.isPast() ? this.#past?.list(repository, page) : undefined
  }

  close(): Promise<void> {
    return this.#tags.close()
  }

  #load(repository: RepositoryName, reference: Reference): Promise<ManifestAnswer> {
    const { locks } = this.#options
    const ask = () => this.#ask(repository, reference)
    return this.#absent.unlessAbsent(repository, reference, async () => {
      if (!locks) return ask()
      const known = await this.#find(repository, reference)
      return known ?? inTurn(locks, `${repository} ${reference}`, PATIENCE_MS, ask)
    })
  }

  /** What can be answered without waiting for the upstream. */
  async #find(repository: RepositoryName, reference: Reference): Promise<ManifestAnswer | undefined> {
    if (!isDigest(reference)) return this.#tagsNow().find(repository, reference)
    const manifest = await this.#digests.find(repository, reference)
    return manifest && { manifest, cache: 'hit' }
  }

  #ask(repository: RepositoryName, reference: Reference): Promise<ManifestAnswer> {
    return isDigest(reference)
      ? this.#digests.get(repository, reference)
      : this.#tagsNow().get(repository, reference)
  }

  #tagsNow(): MirrorTags | TagsAsOf {
    return (this.isPast() ? this.#past : undefined) ?? this.#tags
  }
}
