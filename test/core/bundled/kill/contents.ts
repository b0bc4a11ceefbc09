// Blobs and manifests of the kill test: made again from their seeds, so that thousands of them need no memory.
import { digestOf, type Digest } from '../../../../src/oci/digest.ts'
import { seededBytes } from '../../../support/seeded-bytes.ts'
import { manifestOf, OCI_TYPES } from '../../../support/images.ts'

export interface Blob {
  readonly seed: string
  readonly size: number
  readonly digest: Digest
}

export interface ImageManifest {
  readonly digest: Digest
  readonly bytes: Buffer
  readonly mediaType: string
  readonly blobs: readonly Blob[]
}

export function blobOf(seed: string, size: number): Blob {
  return { seed, size, digest: digestOf(seededBytes(seed, size)) }
}

export function bytesOf({ seed, size }: Blob): Buffer {
  return seededBytes(seed, size)
}

export function imageManifestOf(config: Blob, layers: readonly Blob[]): ImageManifest {
  const describe = (mediaType: string, { digest, size }: Blob) => ({ mediaType, digest, size })
  const { digest, bytes, mediaType } = manifestOf(
    OCI_TYPES,
    describe(OCI_TYPES.config, config),
    layers.map((layer) => describe(OCI_TYPES.layer, layer)),
  )
  return { digest, bytes, mediaType, blobs: [config, ...layers] }
}

/** Numbers that a seed determines. */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** At least 0, below 1 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** At least `low`, below `high`. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low))
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[this.between(0, items.length)]
  }
}
