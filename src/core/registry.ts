// The one interface of a registry: the bundled one, an external core and a mirror implement it, caches wrap it.
import type { Readable } from 'node:stream'
import type { AcceptSet } from '../oci/accept.ts'
import type { ByteRange } from '../oci/byte-range.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest, DigestAlgorithm } from '../oci/digest.ts'
import type { Reference, Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Identity } from '../access/identity.ts'

/** A login at an upstream: never logged, kept, or sent elsewhere. */
export interface UpstreamLogin {
  readonly username: string
  readonly password: string
}

/** On whose behalf, for what kind of answer, and until when a method works. */
export interface RequestContext {
  readonly identity: Identity
  readonly accept: AcceptSet
  /** Aborted when the client hangs up. */
  readonly signal: AbortSignal
  /** What the caller showed on a host that takes logins of its upstream; for that upstream alone. */
  readonly upstreamLogin?: UpstreamLogin | undefined
  /** Tells the client something that is no failure: the text of a `Warning: 299` header. */
  warn?(text: string): void
}

/** A manifest's bytes as they were pushed. Immutable: one object may answer many requests. */
export interface Manifest {
  readonly digest: Digest
  readonly mediaType: string
  readonly bytes: Uint8Array
}

/** Where an answer came from: logged, counted, and sent as `X-Cache`. */
export type CacheVerdict = 'hit' | 'hit-shared' | 'miss' | 'revalidated' | 'stale' | 'none'

export interface ManifestAnswer {
  readonly manifest: Manifest
  readonly cache: CacheVerdict
  /** Seconds since a mirrored tag was last confirmed upstream (RFC 9111 §5.1). */
  readonly ageSeconds?: number
  /** Text for a `Warning: 299` header. */
  readonly warning?: string
}

/** A blob that can be read: once opened, its bytes stay readable until it is released. */
export interface OpenBlob {
  /** Bytes of the whole blob. */
  readonly size: number
  readonly cache: CacheVerdict
  /** Where the client may fetch the bytes itself, when the store offers that. */
  readonly redirectUrl?: URL
  /** The whole, or one range of it. The caller destroys or ends every stream it got. */
  read(range?: ByteRange): Promise<Readable>
  /** Lets go of the blob; to be called once, also when nothing was read. */
  release(): void
}

/** An upload session (distribution-spec end-4, 5, 6, 13, 14). */
export interface UploadStatus {
  /** A UUID. */
  readonly id: string
  /** Bytes that are durably kept: the next byte expected. */
  readonly offset: number
}

export interface UploadChunk {
  readonly body: Readable
  /** Where the client says that the chunk begins. */
  readonly start?: number
  /** How many bytes the client says that it sends; more or fewer is `SIZE_INVALID`. */
  readonly length?: number
}

/** One page of names in the order of the listing. */
export interface Page<Item> {
  readonly items: readonly Item[]
  /** More follow after the last item. */
  readonly more: boolean
}

export interface PageRequest {
  /** At most this many items. */
  readonly limit: number
  /** Only items behind this one, whether it exists or not. */
  readonly last?: string
}

/** What is sent for a `PUT` of a manifest. */
export interface PushedManifest {
  readonly mediaType: string | undefined
  readonly bytes: Uint8Array
  /** Tags that a push by digest sets along with it (distribution-spec end-7b): all of them or, on a failure, some. */
  readonly tags?: readonly Tag[]
}

export interface PutManifestResult {
  readonly digest: Digest
  /** The subject's digest when the manifest named one (answered as `OCI-Subject`). */
  readonly subject?: Digest
}

export interface ReferrersRequest {
  readonly artifactType?: string
  /** At most about this many descriptors; by default as many as one answer may hold. */
  readonly limit?: number
  /** Only referrers whose digest comes behind this one in byte order. */
  readonly last?: Digest
}

export interface ReferrersAnswer {
  /** In the byte order of their digests. */
  readonly descriptors: readonly Descriptor[]
  /** Where the next page goes on, as its `last`; undefined when this was all. */
  readonly next?: Digest
  /** The `artifactType` filter was applied. */
  readonly filtered: boolean
}

/** What takes pushes of blobs. */
export interface UploadStore {
  start(
    repository: RepositoryName,
    options: { algorithm?: DigestAlgorithm },
    context: RequestContext,
  ): Promise<UploadStatus>
  /** Rejects with `BLOB_UPLOAD_UNKNOWN`, as all that follow. */
  status(repository: RepositoryName, id: string, context: RequestContext): Promise<UploadStatus>
  /** Appends what arrives. A chunk that does not start at the offset is `RANGE_INVALID`, with the true `Range`. */
  append(
    repository: RepositoryName,
    id: string,
    chunk: UploadChunk,
    context: RequestContext,
  ): Promise<UploadStatus>
  /** Appends the last chunk, if any, and makes the blob readable. Rejects with `DIGEST_INVALID` or `SIZE_INVALID`. */
  finish(
    repository: RepositoryName,
    id: string,
    digest: Digest,
    chunk: UploadChunk | undefined,
    context: RequestContext,
  ): Promise<void>
  cancel(repository: RepositoryName, id: string, context: RequestContext): Promise<void>
  /**
   * Links a blob of `from` into `repository` without copying; false when `from` does not hold it.
   * The caller has checked that the identity may pull from `from`.
   */
  mount(
    repository: RepositoryName,
    digest: Digest,
    from: RepositoryName,
    context: RequestContext,
  ): Promise<boolean>
  /**
   * Links a blob that some repository which `mayPull` admits holds; false when none was found with bounded effort.
   * Repositories that are not admitted are not even looked at.
   */
  mountFromAny(
    repository: RepositoryName,
    digest: Digest,
    mayPull: (candidate: RepositoryName) => boolean,
    context: RequestContext,
  ): Promise<boolean>
}

/**
 * Manifests, blobs, tags and referrers of repositories. The caller has been allowed to do what it asks for.
 * Failures are `RegistryError` (oci/error.ts).
 */
export interface Registry {
  /**
   * What memory can answer at once, if anything: then {@link getManifest} would answer the same. A registry that wraps
   * another one has to decide for itself what may be answered so.
   */
  peekManifest?(
    repository: RepositoryName,
    reference: Reference,
    context: RequestContext,
  ): ManifestAnswer | undefined
  /** Rejects with `MANIFEST_UNKNOWN` or `NAME_UNKNOWN`. */
  getManifest(
    repository: RepositoryName,
    reference: Reference,
    context: RequestContext,
  ): Promise<ManifestAnswer>
  /** Rejects with `MANIFEST_INVALID`, `MANIFEST_BLOB_UNKNOWN`, `DIGEST_INVALID`. */
  putManifest(
    repository: RepositoryName,
    reference: Reference,
    manifest: PushedManifest,
    context: RequestContext,
  ): Promise<PutManifestResult>
  /** By digest: the manifest and its tags; by tag: the tag only. */
  deleteManifest(repository: RepositoryName, reference: Reference, context: RequestContext): Promise<void>

  /** Size and existence, without opening. Rejects with `BLOB_UNKNOWN`. */
  statBlob(
    repository: RepositoryName,
    digest: Digest,
    context: RequestContext,
  ): Promise<{ size: number; cache: CacheVerdict }>
  /** Rejects with `BLOB_UNKNOWN`. */
  openBlob(repository: RepositoryName, digest: Digest, context: RequestContext): Promise<OpenBlob>
  /** Removes the blob from the repository; other repositories keep it. */
  deleteBlob(repository: RepositoryName, digest: Digest, context: RequestContext): Promise<void>

  /** In byte order. Rejects with `NAME_UNKNOWN`. */
  listTags(repository: RepositoryName, page: PageRequest, context: RequestContext): Promise<Page<Tag>>
  /** In registry:2's order: component by component. */
  listRepositories(page: PageRequest, context: RequestContext): Promise<Page<RepositoryName>>
  listReferrers(
    repository: RepositoryName,
    subject: Digest,
    request: ReferrersRequest,
    context: RequestContext,
  ): Promise<ReferrersAnswer>

  /** Undefined: uploads are refused, or forwarded where the route has a forwarder. */
  readonly uploads: UploadStore | undefined
  close(): Promise<void>
}
