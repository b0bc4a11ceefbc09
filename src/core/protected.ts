// A registry that is read-only, or whose rules keep some tags from being moved or removed.
import { LocalLocks, type Locks } from '../cache/locks.ts'
import { digestOf, type Digest } from '../oci/digest.ts'
import { RegistryError } from '../oci/error.ts'
import { isDigest, type Reference, type Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import { DelegatingRegistry } from './delegating.ts'
import type { PushedManifest, PutManifestResult, Registry, RequestContext, UploadStore } from './registry.ts'
import type { TagRules } from './tag-rules.ts'

/** What the wrapper has to know of the tags beneath it. */
export interface ProtectedTags {
  /** What the tag points to. */
  resolve(repository: RepositoryName, tag: Tag): Promise<Digest | undefined>
  /** The tags that lead to the manifest: by pointing to it, or to an index that holds it. */
  leadingTo(repository: RepositoryName, digest: Digest): AsyncIterable<Tag>
}

export interface ProtectedRegistryOptions {
  /** Every write is refused with `UNSUPPORTED`. */
  readonly readOnly: boolean
  readonly rules: TagRules
  readonly tags: ProtectedTags
  /** By default nobody else pushes to the store. */
  readonly locks?: Locks
}

/** Refuses with `DENIED` what the rules forbid; all else goes to the registry it wraps. */
export class ProtectedRegistry extends DelegatingRegistry {
  readonly #options: ProtectedRegistryOptions
  readonly #uploads: UploadStore | undefined
  readonly #locks: Locks

  constructor(inner: Registry, options: ProtectedRegistryOptions) {
    super(inner)
    this.#options = options
    this.#locks = options.locks ?? new LocalLocks()
    this.#uploads = options.readOnly && inner.uploads ? readOnlyUploads(inner.uploads) : inner.uploads
  }

  override async putManifest(
    repository: RepositoryName,
    reference: Reference,
    manifest: PushedManifest,
    context: RequestContext,
  ): Promise<PutManifestResult> {
    this.#requireWritable()
    const put = () => this.inner.putManifest(repository, reference, manifest, context)
    const tags = isDigest(reference) ? (manifest.tags ?? []) : [reference]
    const immutable = tags.filter((tag) => this.#options.rules.isImmutable(repository, tag))
    if (immutable.length === 0) return put()
    const digest = isDigest(reference) ? reference : digestOf(manifest.bytes)
    // One after the other: of two pushes to a new tag the second has to find what the first has set.
    return this.#locks.alone(`immutable ${repository}`, async () => {
      for (const tag of immutable) await this.#requireSame(repository, tag, digest)
      return put()
    })
  }

  override async deleteManifest(
    repository: RepositoryName,
    reference: Reference,
    context: RequestContext,
  ): Promise<void> {
    this.#requireWritable()
    const { rules, tags } = this.#options
    if (!isDigest(reference)) {
      if (rules.isProtected(repository, reference))
        throw denied(`the tag ${reference} is protected`, reference)
    } else if (rules.protectsSomeOf(repository)) {
      for await (const tag of tags.leadingTo(repository, reference))
        if (rules.isProtected(repository, tag))
          throw denied(`the manifest belongs to the protected tag ${tag}`, tag)
    }
    return this.inner.deleteManifest(repository, reference, context)
  }

  override async deleteBlob(
    repository: RepositoryName,
    digest: Digest,
    context: RequestContext,
  ): Promise<void> {
    this.#requireWritable()
    // To find out which images hold the blob every manifest would have to be read; garbage collection does.
    if (this.#options.rules.protectsSomeOf(repository))
      throw denied('blobs of a repository with protected tags are removed by garbage collection alone')
    return this.inner.deleteBlob(repository, digest, context)
  }

  override get uploads(): UploadStore | undefined {
    return this.#uploads
  }

  #requireWritable(): void {
    if (this.#options.readOnly) throw readOnly()
  }

  async #requireSame(repository: RepositoryName, tag: Tag, digest: Digest): Promise<void> {
    const current = await this.#options.tags.resolve(repository, tag)
    if (current !== undefined && current !== digest)
      throw denied(`the tag ${tag} is immutable and points to ${current}: push under another tag`, tag)
  }
}

function readOnlyUploads(inner: UploadStore): UploadStore {
  const refuse = () => Promise.reject(readOnly())
  return {
    start: refuse,
    status: (...args) => inner.status(...args),
    append: refuse,
    finish: refuse,
    cancel: refuse,
    mount: refuse,
    mountFromAny: refuse,
  }
}

function readOnly(): RegistryError {
  return new RegistryError('UNSUPPORTED', 'this registry is read-only at the moment', {
    headers: { Allow: 'GET, HEAD' },
  })
}

/** 403 and `DENIED`: of the specification's codes the one that clients show with its message and do not retry. */
function denied(message: string, tag?: Tag): RegistryError {
  return new RegistryError('DENIED', message, tag === undefined ? {} : { detail: { tag } })
}
