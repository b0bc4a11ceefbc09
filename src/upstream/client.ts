// The client side of the Distribution API, as the mirror and the external core see it.
import type { Readable } from 'node:stream'
import type { ByteRange } from '../oci/byte-range.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { Digest } from '../oci/digest.ts'
import type { Reference, Tag } from '../oci/reference.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Budget } from './budget.ts'
import type { RateLimit } from './rate-limit.ts'

export interface UpstreamManifest {
  /** Computed from the bytes, and equal to what was asked for or announced. */
  readonly digest: Digest
  readonly mediaType: string
  readonly bytes: Uint8Array
  readonly rateLimit: RateLimit | undefined
}

/** What a HEAD tells of a manifest; nothing of it is proved. */
export interface UpstreamManifestHead {
  readonly digest: Digest | undefined
  readonly mediaType: string | undefined
  /** Bytes. */
  readonly size: number | undefined
  readonly rateLimit: RateLimit | undefined
}

export interface UpstreamBlob {
  /** Bytes of the whole blob, also when a range was asked for. */
  readonly size: number
  /**
   * The bytes asked for, not yet hashed. Fails with the cause when the upstream breaks off; the caller reads it to the end
   * or destroys it.
   */
  readonly body: Readable
}

export interface UpstreamPage<Item> {
  readonly items: readonly Item[]
  /** More follow after the last item. */
  readonly more: boolean
}

export interface UpstreamPageRequest {
  readonly limit: number
  /** Only items behind this one. */
  readonly last?: string
}

export interface UpstreamRequestOptions {
  /** Aborts the request; it then rejects with the signal's reason. */
  readonly signal?: AbortSignal
}

/**
 * Asks one upstream registry. Every method rejects with an `UpstreamError` (errors.ts) that says what it means.
 * Names are the upstream's own.
 */
export interface UpstreamClient {
  /** The URL above `v2/`, without a login: tells one upstream from another. */
  readonly address: string
  /** Asks for nothing, with the login: resolves when the upstream takes it, or wants none. */
  ping(options?: UpstreamRequestOptions): Promise<void>
  /** Up to 4 MiB, hashed and parsed; asks with every manifest type, so that the answer does not depend on who asks. */
  getManifest(
    name: RepositoryName,
    reference: Reference,
    options?: UpstreamRequestOptions,
  ): Promise<UpstreamManifest>
  headManifest(
    name: RepositoryName,
    reference: Reference,
    options?: UpstreamRequestOptions,
  ): Promise<UpstreamManifestHead>
  /** Follows redirects, without credentials where they lead elsewhere. */
  openBlob(
    name: RepositoryName,
    digest: Digest,
    options?: UpstreamRequestOptions & { readonly range?: ByteRange },
  ): Promise<UpstreamBlob>
  statBlob(name: RepositoryName, digest: Digest, options?: UpstreamRequestOptions): Promise<{ size: number }>
  /** Answers the subject's digest when the upstream understood one (`OCI-Subject`). */
  putManifest(
    name: RepositoryName,
    reference: Reference,
    manifest: { readonly mediaType: string; readonly bytes: Uint8Array },
    options?: UpstreamRequestOptions,
  ): Promise<{ digest: Digest; subject: Digest | undefined }>
  deleteManifest(name: RepositoryName, reference: Reference, options?: UpstreamRequestOptions): Promise<void>
  deleteBlob(name: RepositoryName, digest: Digest, options?: UpstreamRequestOptions): Promise<void>
  /** In byte order, also from upstreams that do not page. */
  listTags(
    name: RepositoryName,
    page: UpstreamPageRequest,
    options?: UpstreamRequestOptions,
  ): Promise<UpstreamPage<Tag>>
  /** In the upstream's order. */
  listRepositories(
    page: UpstreamPageRequest,
    options?: UpstreamRequestOptions,
  ): Promise<UpstreamPage<RepositoryName>>
  /** All referrers; from the referrers tag where the upstream has no such API (distribution-spec "Referrers Tag Schema"). */
  listReferrers(
    name: RepositoryName,
    subject: Digest,
    options?: UpstreamRequestOptions,
  ): Promise<readonly Descriptor[]>
  /** The quota of the URL that is asked now. */
  readonly budget: Budget
  /** How each URL stands, in the order they are asked. */
  endpoints(): readonly UpstreamEndpoint[]
  close(): Promise<void>
}

export interface UpstreamEndpoint {
  readonly address: string
  /** Failed again and again, and is not asked before it answers a probe. */
  readonly isDown: boolean
  readonly budget: Budget
}
