// The bundled registry as clients reach it while a garbage collector works on its store.
import { LocalLocks, type Locks } from '../../../cache/locks.ts'
import { algorithmOf, digestOf, type Digest } from '../../../oci/digest.ts'
import { isDigest, type Reference } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import { DelegatingRegistry } from '../../delegating.ts'
import type {
  CacheVerdict,
  ManifestAnswer,
  OpenBlob,
  PushedManifest,
  PutManifestResult,
  Registry,
  RequestContext,
  UploadStore,
} from '../../registry.ts'
import type { Fence } from './fence.ts'
import { FencedUploads } from './fenced-uploads.ts'
import { namedDigests } from '../../content/named-digests.ts'

/**
 * Whatever it says is here stays for the grace; a push is checked and written while nothing that it names can go away.
 * To be put around the caches: what they answer is a promise too.
 */
export class FencedRegistry extends DelegatingRegistry {
  readonly #uploads: UploadStore | undefined
  readonly #fence: Fence
  readonly #locks: Locks

  /** `locks`: by default nobody else writes to the store. */
  constructor(inner: Registry, fence: Fence, locks: Locks = new LocalLocks()) {
    super(inner)
    this.#fence = fence
    this.#locks = locks
    this.#uploads = inner.uploads && new FencedUploads(inner.uploads, fence)
  }

  override get uploads(): UploadStore | undefined {
    return this.#uploads
  }

  peekManifest(
    repository: RepositoryName,
    reference: Reference,
    context: RequestContext,
  ): ManifestAnswer | undefined {
    if (isDigest(reference) && this.#fence.isTaken(reference)) return undefined
    const answer = this.inner.peekManifest?.(repository, reference, context)
    if (answer) this.#fence.leases.touch(answer.manifest.digest)
    return answer
  }

  override async getManifest(
    repository: RepositoryName,
    reference: Reference,
    context: RequestContext,
  ): Promise<ManifestAnswer> {
    const find = () => this.inner.getManifest(repository, reference, context)
    if (isDigest(reference)) return this.#fence.during([reference], find)
    const answer = await find()
    // Its tag keeps it now; the client may come back for the digest when the tag has moved on.
    this.#fence.leases.touch(answer.manifest.digest)
    return answer
  }

  override putManifest(
    repository: RepositoryName,
    reference: Reference,
    manifest: PushedManifest,
    context: RequestContext,
  ): Promise<PutManifestResult> {
    return this.#fence.during(digestsOf(reference, manifest), () =>
      // A delete at the same time could find the manifest before this push, and its tags after it.
      this.#locks.shared(keyOf(repository), () =>
        this.inner.putManifest(repository, reference, manifest, context),
      ),
    )
  }

  override async deleteManifest(
    repository: RepositoryName,
    reference: Reference,
    context: RequestContext,
  ): Promise<void> {
    await this.#locks.alone(keyOf(repository), async () => {
      // Who pulls it now was told what it names, and goes on to ask for that.
      const digests = await this.#digestsBehind(repository, reference, context)
      await this.#fence.during(digests, () => this.inner.deleteManifest(repository, reference, context))
    })
  }

  override statBlob(
    repository: RepositoryName,
    digest: Digest,
    context: RequestContext,
  ): Promise<{ size: number; cache: CacheVerdict }> {
    return this.#fence.during([digest], () => this.inner.statBlob(repository, digest, context))
  }

  override async openBlob(
    repository: RepositoryName,
    digest: Digest,
    context: RequestContext,
  ): Promise<OpenBlob> {
    const hold = await this.#fence.hold([digest])
    try {
      const blob = await this.inner.openBlob(repository, digest, context)
      this.#fence.leases.touch(digest)
      return heldOpen(blob, () => hold.release(true))
    } catch (error) {
      hold.release(false)
      throw error
    }
  }

  override deleteBlob(repository: RepositoryName, digest: Digest, context: RequestContext): Promise<void> {
    return this.#locks.alone(keyOf(repository), () => this.inner.deleteBlob(repository, digest, context))
  }

  /** Runs `work` while no push to the repository and no delete in it runs. */
  alone<Result>(repository: RepositoryName, work: () => Promise<Result>): Promise<Result> {
    return this.#locks.alone(keyOf(repository), work)
  }

  async #digestsBehind(
    repository: RepositoryName,
    reference: Reference,
    context: RequestContext,
  ): Promise<Iterable<Digest>> {
    try {
      const { manifest } = await this.inner.getManifest(repository, reference, context)
      return digestsOf(manifest.digest, manifest)
    } catch {
      // Missing or damaged: nobody is pulling it, and it is for the delete to say so.
      return isDigest(reference) ? [reference] : []
    }
  }
}

function keyOf(repository: RepositoryName): string {
  return `repository ${repository}`
}

/** The manifest and all that it names. */
function digestsOf(reference: Reference, { bytes, mediaType }: PushedManifest): Set<Digest> {
  const own = digestOf(bytes, isDigest(reference) ? algorithmOf(reference) : 'sha256')
  // One that is no JSON is refused by the registry.
  const named = namedDigests(bytes, mediaType)
  const subject = named?.subject === undefined ? [] : [named.subject]
  return new Set([own, ...(named?.blobs ?? []), ...(named?.manifests ?? []), ...subject])
}

function heldOpen(blob: OpenBlob, onRelease: () => void): OpenBlob {
  const { redirectUrl } = blob
  return {
    size: blob.size,
    cache: blob.cache,
    ...(redirectUrl === undefined ? {} : { redirectUrl }),
    read: (range) => blob.read(range),
    release: () => {
      blob.release()
      onRelease()
    },
  }
}
