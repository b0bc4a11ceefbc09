// Descriptors: typed pointers to content (image-spec "OCI Content Descriptors").
import type { Digest } from './digest.ts'

/** What an image runs on, as an index says (image-spec "Image Index", `platform`). */
export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
}

export interface Descriptor {
  readonly mediaType: string
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
  readonly urls?: readonly string[]
  readonly platform?: Platform
}
