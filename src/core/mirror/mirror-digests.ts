// Manifests of a mirror by digest: kept ones from memory or store, others from the upstream.
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { UpstreamClient } from '../../upstream/client.ts'
import type { ContentStore } from '../content/content-store.ts'
import type { ManifestCache } from '../manifest-cache.ts'
import type { Manifest, ManifestAnswer } from '../registry.ts'
import type { Deliveries } from './deliveries.ts'
import { KeptManifests } from './kept-manifests.ts'
import type { StoreWatch } from './store-watch.ts'

export interface MirrorDigestsOptions {
  readonly client: UpstreamClient
  readonly content: ContentStore
  readonly manifests: Pick<ManifestCache, 'peek' | 'get' | 'put'>
  readonly deliveries: Deliveries
  readonly watch: StoreWatch
  readonly nameOf: (repository: RepositoryName) => RepositoryName
}

/** Rejects with `UpstreamError`s. */
export class MirrorDigests {
  readonly #options: MirrorDigestsOptions
  readonly #kept: KeptManifests

  constructor(options: MirrorDigestsOptions) {
    const { content, manifests: cache, deliveries, watch } = options
    this.#options = options
    this.#kept = new KeptManifests({ content, cache, deliveries, watch })
  }

  /** What memory can answer, at once. */
  peek(repository: RepositoryName, digest: Digest): Manifest | undefined {
    return this.#kept.peek(repository, digest)
  }

  /** What can be answered without the upstream. */
  find(repository: RepositoryName, digest: Digest): Promise<Manifest | undefined> {
    return this.#kept.find(repository, digest)
  }

  async get(repository: RepositoryName, digest: Digest): Promise<ManifestAnswer> {
    const manifest = await this.#kept.find(repository, digest)
    return manifest ? { manifest, cache: 'hit' } : this.#fetch(repository, digest)
  }

  /** What the upstream means by the tag now: a pull. */
  async fetchTag(repository: RepositoryName, tag: Tag): Promise<Manifest> {
    const { client, nameOf } = this.#options
    const manifest = await client.getManifest(nameOf(repository), tag)
    await this.#kept.keep(repository, manifest)
    return manifest
  }

  /** A manifest that the repository is not known to hold: a HEAD is enough where the upstream delivered its bytes before. */
  async #fetch(repository: RepositoryName, digest: Digest): Promise<ManifestAnswer> {
    const { client, nameOf } = this.#options
    const known = await this.#kept.findDelivered(digest)
    if (known) await client.headManifest(nameOf(repository), digest)
    const manifest = known ?? (await client.getManifest(nameOf(repository), digest))
    await this.#kept.keep(repository, manifest)
    return { manifest, cache: known ? 'revalidated' : 'miss' }
  }
}
