// The registry that keeps its content on a store of its own, on registry:2's layout.
import { Readable } from 'node:stream'
import type { Locks } from '../../cache/locks.ts'
import type { ByteRange } from '../../oci/byte-range.ts'
import type { Digest } from '../../oci/digest.ts'
import { RegistryError } from '../../oci/error.ts'
import { isDigest, type Reference, type Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { PathNotFoundError, type StorageDriver } from '../../storage/driver.ts'
import type { StoredBlob } from '../content/blobs.ts'
import { ContentStore } from '../content/content-store.ts'
import type {
  CacheVerdict,
  ManifestAnswer,
  OpenBlob,
  Page,
  PageRequest,
  PushedManifest,
  PutManifestResult,
  ReferrersAnswer,
  ReferrersRequest,
  Registry,
  RequestContext,
  UploadStore,
} from '../registry.ts'
import { BlobHolders, type OtherMemories } from './blob-holders.ts'
import { deleteManifest, deleteTag, putManifest, unknownManifest } from './manifest-writes.ts'
import { listReferrers } from './referrer-listing.ts'
import { SessionClaims } from './session-claims.ts'
import { answered } from './storage-failures.ts'
import { BundledUploads } from './uploads.ts'

export interface BundledRegistryOptions {
  /** Closed with the registry. */
  readonly driver: StorageDriver
  /** Whether manifests, tags and blobs may be deleted (default true); else `UNSUPPORTED`. */
  readonly delete?: boolean
  readonly claims?: SessionClaims
  /** Other processes that may remember who holds a blob. */
  readonly otherHolders?: OtherMemories
  /** By default nobody else writes to the store. */
  readonly locks?: Locks
}

export class BundledRegistry implements Registry {
  readonly uploads: UploadStore
  readonly #content: ContentStore
  readonly #holders: BlobHolders
  readonly #canDelete: boolean

  constructor(options: BundledRegistryOptions) {
    this.#content = new ContentStore(options.driver, options.locks)
    this.#canDelete = options.delete ?? true
    this.#holders = new BlobHolders(this.#content, options.otherHolders)
    const claims = options.claims ?? new SessionClaims(options.driver)
    this.uploads = new BundledUploads(this.#content, this.#holders, claims)
  }

  /** What it works on; whoever works on the same store in this process has to share it. */
  get content(): ContentStore {
    return this.#content
  }

  getManifest(repository: RepositoryName, reference: Reference): Promise<ManifestAnswer> {
    return answered(async () => {
      const digest = isDigest(reference) ? reference : await this.#content.tags.resolve(repository, reference)
      const manifest = digest && (await this.#content.manifests.read(repository, digest))
      if (!manifest) throw unknownManifest(reference)
      return { manifest, cache: 'none' }
    })
  }

  putManifest(
    repository: RepositoryName,
    reference: Reference,
    manifest: PushedManifest,
  ): Promise<PutManifestResult> {
    return answered(() => putManifest(this.#content, repository, reference, manifest))
  }

  deleteManifest(repository: RepositoryName, reference: Reference): Promise<void> {
    return answered(async () => {
      this.#requireDelete()
      if (!isDigest(reference)) return deleteTag(this.#content, repository, reference)
      await deleteManifest(this.#content, repository, reference)
    })
  }

  statBlob(repository: RepositoryName, digest: Digest): Promise<{ size: number; cache: CacheVerdict }> {
    return answered(async () => {
      const { size } = await this.#blob(repository, digest)
      return { size, cache: 'none' }
    })
  }

  openBlob(repository: RepositoryName, digest: Digest, { signal }: RequestContext): Promise<OpenBlob> {
    return answered(async () => {
      const blob = await this.#blob(repository, digest)
      const redirectUrl = await this.#content.blobs.redirectUrl(blob.digest)
      return {
        size: blob.size,
        cache: 'none',
        ...(redirectUrl === undefined ? {} : { redirectUrl }),
        read: (range) => answered(() => this.#read(blob, range, signal)),
        // Nothing on the store goes away under a reader: deleting a blob removes its link alone.
        release: () => undefined,
      }
    })
  }

  deleteBlob(repository: RepositoryName, digest: Digest): Promise<void> {
    return answered(async () => {
      this.#requireDelete()
      await this.#blob(repository, digest)
      await this.#content.blobs.unlink(repository, digest)
    })
  }

  listTags(repository: RepositoryName, page: PageRequest): Promise<Page<Tag>> {
    return answered(async () => {
      const tags = await this.#content.tags.list(repository, page)
      if (tags.items.length === 0 && !(await this.#content.repositories.has(repository)))
        throw new RegistryError('NAME_UNKNOWN', 'no such repository', { detail: { name: repository } })
      return tags
    })
  }

  listRepositories(page: PageRequest): Promise<Page<RepositoryName>> {
    return answered(() => this.#content.repositories.list(page))
  }

  listReferrers(
    repository: RepositoryName,
    subject: Digest,
    request: ReferrersRequest,
  ): Promise<ReferrersAnswer> {
    return answered(() => listReferrers(this.#content, repository, subject, request))
  }

  close(): Promise<void> {
    return this.#content.driver.close()
  }

  async #blob(repository: RepositoryName, digest: Digest): Promise<StoredBlob> {
    const blob = await this.#content.blobs.find(repository, digest)
    if (blob === undefined) throw unknownBlob(digest)
    this.#holders.remember(repository, digest)
    return blob
  }

  async #read(
    { digest, size }: StoredBlob,
    range: ByteRange | undefined,
    signal: AbortSignal,
  ): Promise<Readable> {
    if (size === 0) return Readable.from([], { objectMode: false })
    try {
      // Asked for by number, a file that was cut short meanwhile fails before its first byte.
      return await this.#content.blobs.read(digest, { range: range ?? { start: 0, end: size - 1 }, signal })
    } catch (error) {
      throw error instanceof PathNotFoundError || error instanceof RangeError
        ? unknownBlob(digest, error)
        : error
    }
  }

  #requireDelete(): void {
    if (!this.#canDelete) throw new RegistryError('UNSUPPORTED', 'deleting is switched off in this registry')
  }
}

function unknownBlob(digest: Digest, cause?: unknown): RegistryError {
  return new RegistryError('BLOB_UNKNOWN', 'no such blob in this repository', { detail: { digest }, cause })
}
