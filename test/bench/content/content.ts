// What all systems serve: one image and some blobs in one repository.
import type { Digest } from '../../../src/oci/digest.ts'
import type { Content as Bytes } from '../../support/images.ts'

export const REPOSITORY = 'team-a/app'
export const TAG = '1.27.3'

/** What scenarios want to find beside the one image. */
export interface Needs {
  readonly blobSizes?: readonly number[]
  /** {@link MANY} repositories, and a repository with as many tags. */
  readonly manyRepositories?: boolean
}

export const MANY = 2000

export interface StoredBlob {
  readonly digest: Digest
  readonly size: number
  /** Where its bytes lie. */
  readonly file: string
}

export interface Content {
  readonly root: string
  readonly manifest: Bytes
  readonly manifestPath: string
  /** Throws for a size that was not asked for. */
  blob(size: number): StoredBlob
  readonly blobs: readonly StoredBlob[]
}

export function blobPath(digest: Digest): string {
  return `/v2/${REPOSITORY}/blobs/${digest}`
}
