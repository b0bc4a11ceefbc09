// A registry whose manifests are answered from the caches.
import { ACCEPT_ANYTHING } from '../oci/accept.ts'
import { ANONYMOUS } from '../access/identity.ts'
import type { Reference } from '../oci/reference.ts'
import { referrersTag } from '../oci/referrers-tag.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import { DelegatingRegistry } from './delegating.ts'
import type { ManifestCache } from './manifest-cache.ts'
import type { ReferenceCache } from './reference-cache.ts'
import type {
  CacheVerdict,
  Manifest,
  ManifestAnswer,
  PushedManifest,
  PutManifestResult,
  Registry,
  RequestContext,
} from './registry.ts'

/** Loads serve whoever asks, so they carry nobody's name and do not end when one client hangs up. */
const FOR_ALL: RequestContext = {
  identity: ANONYMOUS,
  accept: ACCEPT_ANYTHING,
  signal: new AbortController().signal,
}

export interface CachedRegistryOptions {
  readonly manifests: ManifestCache
  readonly references: ReferenceCache
}

/** Answers manifests from memory or the shared cache; everything else goes straight to the registry it wraps. */
export class CachedRegistry extends DelegatingRegistry {
  readonly #manifests: ManifestCache
  readonly #references: ReferenceCache

  constructor(inner: Registry, { manifests, references }: CachedRegistryOptions) {
    super(inner)
    this.#manifests = manifests
    this.#references = references
  }

  peekManifest(repository: RepositoryName, reference: Reference): ManifestAnswer | undefined {
    const digest = this.#references.peek(repository, reference)
    const manifest = digest && this.#manifests.peek(digest)
    return manifest && { manifest, cache: 'hit' }
  }

  override async getManifest(repository: RepositoryName, reference: Reference): Promise<ManifestAnswer> {
    return this.peekManifest(repository, reference) ?? this.#load(repository, reference)
  }

  override async putManifest(
    repository: RepositoryName,
    reference: Reference,
    manifest: PushedManifest,
    context: RequestContext,
  ): Promise<PutManifestResult> {
    try {
      const result = await this.inner.putManifest(repository, reference, manifest, context)
      // A registry may keep the referrers tag in step, too.
      if (result.subject !== undefined)
        await this.#references.invalidate(repository, referrersTag(result.subject))
      return result
    } finally {
      // Also after a failure: the core may have kept it and only its answer was lost.
      const changed = [reference, ...(manifest.tags ?? [])]
      await Promise.all(changed.map((each) => this.#references.invalidate(repository, each)))
    }
  }

  override async deleteManifest(
    repository: RepositoryName,
    reference: Reference,
    context: RequestContext,
  ): Promise<void> {
    try {
      await this.inner.deleteManifest(repository, reference, context)
    } finally {
      // A manifest takes its tags along, and a core may untag more than was asked.
      await this.#references.invalidate(repository)
    }
  }

  /** What is known of a manifest, or of a whole repository, was changed on the store behind this registry's back. */
  forget(repository: RepositoryName, reference?: Reference): Promise<void> {
    return this.#references.invalidate(repository, reference)
  }

  async #load(repository: RepositoryName, reference: Reference): Promise<ManifestAnswer> {
    let loaded: Manifest | undefined
    const { digest, from } = await this.#references.resolve(repository, reference, async () => {
      loaded = await this.#fetch(repository, reference)
      return loaded.digest
    })
    if (loaded) return { manifest: loaded, cache: 'miss' }
    const known = await this.#manifests.get(digest)
    const cache: CacheVerdict = from === 'load' ? 'miss' : from === 'shared' ? 'hit-shared' : 'hit'
    if (known) return { manifest: known, cache }
    return { manifest: await this.#fetch(repository, digest), cache: 'miss' }
  }

  async #fetch(repository: RepositoryName, reference: Reference): Promise<Manifest> {
    // A digest's bytes may be at hand from another repository, but only the registry knows whether this one has it.
    const { manifest } = await this.inner.getManifest(repository, reference, FOR_ALL)
    this.#manifests.put(manifest)
    return manifest
  }
}
