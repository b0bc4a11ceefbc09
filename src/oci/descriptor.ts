// Descriptors: typed pointers to content (image-spec "OCI Content Descriptors").
import type { Digest } from './digest.ts'

export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly urls?: readonly string[]
}
