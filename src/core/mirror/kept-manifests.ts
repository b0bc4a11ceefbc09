// Manifests that a mirror holds, in memory and on its store, and which repository may show which.
import { buffer } from 'node:stream/consumers'
import { LRUCache } from 'lru-cache'
import { algorithmOf, digestOf, type Digest } from '../../oci/digest.ts'
import { MAX_MANIFEST_BYTES, parseManifest } from '../../oci/manifest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ContentStore } from '../content/content-store.ts'
import type { ManifestCache } from '../manifest-cache.ts'
import type { Manifest } from '../registry.ts'
import { asCache } from './as-cache.ts'
import type { Deliveries } from './deliveries.ts'
import type { StoreWatch } from './store-watch.ts'

export interface KeptManifestsOptions {
  readonly content: ContentStore
  /** Holds the manifests of other registries, too. */
  readonly cache: Pick<ManifestCache, 'peek' | 'get' | 'put'>
  readonly deliveries: Deliveries
  readonly watch: StoreWatch
}

const MAX_MEMBERS = 50_000

export class KeptManifests {
  readonly #content: ContentStore
  readonly #cache: KeptManifestsOptions['cache']
  readonly #deliveries: Deliveries
  readonly #watch: StoreWatch
  /** `<repository>@<digest>` of manifests that the repository is known to hold. */
  readonly #members = new LRUCache<string, true>({ max: MAX_MEMBERS })

  constructor({ content, cache, deliveries, watch }: KeptManifestsOptions) {
    this.#content = content
    this.#cache = cache
    this.#deliveries = deliveries
    this.#watch = watch
    watch.onEvicted((repository, digest) => this.#members.delete(keyOf(repository, digest)))
  }

  /** What memory can answer for the repository, at once. */
  peek(repository: RepositoryName, digest: Digest): Manifest | undefined {
    return this.#members.has(keyOf(repository, digest)) ? this.#cache.peek(digest) : undefined
  }

  /** The manifest if the repository holds it and its bytes are here. */
  async find(repository: RepositoryName, digest: Digest): Promise<Manifest | undefined> {
    const isMember =
      this.#members.has(keyOf(repository, digest)) ||
      (await asCache(() => this.#content.manifests.has(repository, digest))) === true
    if (!isMember) return undefined
    const manifest =
      (await this.#cache.get(digest)) ??
      (await asCache(() => this.#content.manifests.read(repository, digest)))
    if (manifest) this.#remember(repository, manifest)
    return manifest
  }

  /** The manifest if the upstream once delivered it, to whichever repository: not to be shown before it was asked again. */
  async findDelivered(digest: Digest): Promise<Manifest | undefined> {
    const isDelivered = await asCache(() => this.#deliveries.has(digest))
    if (isDelivered !== true) return undefined
    return (await this.#cache.get(digest)) ?? (await asCache(() => this.#readBlob(digest)))
  }

  /** Keeps a manifest that the upstream answered for the repository, and whose bytes were hashed. */
  async keep(repository: RepositoryName, manifest: Manifest): Promise<void> {
    this.#remember(repository, manifest)
    await asCache(async () => {
      await this.#content.manifests.put(repository, manifest)
      await this.#deliveries.add(manifest.digest)
      this.#watch.kept(manifest.bytes.length)
    })
  }

  #remember(repository: RepositoryName, manifest: Manifest): void {
    this.#cache.put(manifest)
    this.#members.set(keyOf(repository, manifest.digest), true)
  }

  async #readBlob(digest: Digest): Promise<Manifest | undefined> {
    const blob = await this.#content.blobs.stat(digest)
    if (!blob || blob.size > MAX_MANIFEST_BYTES) return undefined
    const bytes = await buffer(await this.#content.blobs.read(digest))
    if (digestOf(bytes, algorithmOf(digest)) !== digest) return undefined
    try {
      return { digest, mediaType: parseManifest(bytes, undefined).mediaType, bytes }
    } catch {
      return undefined // some layer that was asked for as a manifest: the upstream will say so
    }
  }
}

function keyOf(repository: RepositoryName, digest: Digest): string {
  return `${repository}@${digest}`
}
