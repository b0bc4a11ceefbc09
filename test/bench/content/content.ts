// What all systems serve: images and some blobs in one repository.
import type { Digest } from '../../../src/oci/digest.ts'
import type { Content as Bytes, Image } from '../../support/images.ts'

export const REPOSITORY = 'team-a/app'
/** Everybody may pull from it. */
export const PUBLIC_REPOSITORY = 'public/app'
/** Of the image with twenty layers of 1 MiB. */
export const LAYERED_TAG = 'layered'
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

export interface StoredManifest {
  readonly path: string
  readonly manifest: Bytes
}

export interface Content {
  readonly root: string
  readonly manifest: Bytes
  /** By tag. */
  readonly manifestPath: string
  /** Everything that can be asked for as a manifest: by tag and by digest, here and in {@link PUBLIC_REPOSITORY}. */
  readonly manifests: readonly StoredManifest[]
  /** Twenty layers of 1 MiB, under {@link LAYERED_TAG}. */
  readonly layered: Image
  /** Throws for a size that was not asked for. */
  blob(size: number): StoredBlob
  /** Those of the layered image as well. */
  readonly blobs: readonly StoredBlob[]
}

export function manifestPath(repository: string, reference: string): string {
  return `/v2/${repository}/manifests/${reference}`
}

export function blobPath(digest: Digest): string {
  return `/v2/${REPOSITORY}/blobs/${digest}`
}
