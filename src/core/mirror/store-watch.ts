// What mirrors tell of the use of their store, for those who decide what may go.
import type { Digest } from '../../oci/digest.ts'
import type { Reference } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'

export type OnEvicted = (repository: RepositoryName, digest: Digest) => void

export interface StoreWatch {
  /** Blobs that are larger are not kept; undefined: there is no limit. */
  readonly maxBytes: number | undefined
  /** A client was given a manifest. */
  pulled(repository: RepositoryName, reference: Reference): void
  /** A client begins to read a blob; to be called when it is done: the answer. */
  reading(digest: Digest): () => void
  /** So many bytes more lie on the store. */
  kept(bytes: number): void
  /** Calls back for each manifest that was evicted, in whatever process of the gateway. */
  onEvicted(listener: OnEvicted): void
}

/** For a store from which nothing ever goes. */
export const UNWATCHED: StoreWatch = {
  maxBytes: undefined,
  pulled: () => {},
  reading: () => () => {},
  kept: () => {},
  onEvicted: () => {},
}
