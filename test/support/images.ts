// Images made in memory from a seed: real layers (tar, gzip), config, manifest, indexes; as OCI or as Docker types them.
import { gzipSync } from 'node:zlib'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import { DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.ts'
import { seededBytes } from './seeded-bytes.ts'
import { tarHeader, tarTrailer } from './tar.ts'

/** What a descriptor says, without the bytes. */
export interface Described {
  readonly mediaType: string
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
}

/** Bytes with their descriptor. */
export interface Content extends Described {
  readonly bytes: Buffer
}

export interface Image {
  readonly manifest: Content
  readonly config: Content
  readonly layers: readonly Content[]
  /** Config and layers: everything that is pushed as a blob. */
  readonly blobs: readonly Content[]
  readonly platform: Platform
}

export interface Index {
  /** The index's own bytes, pushed as a manifest. */
  readonly manifest: Content
  readonly images: readonly Image[]
}

export interface Platform {
  readonly os: string
  readonly architecture: string
  readonly variant?: string
}

export interface ImageOptions {
  /** Images of different seeds share no layer. Default: `image`. */
  readonly seed?: string
  /** How many layers; 1. */
  readonly layers?: number
  /** Bytes in each layer's file, before tar and gzip add theirs; 1024. */
  readonly layerBytes?: number
  /** Docker's media types instead of OCI's. */
  readonly docker?: boolean
  readonly platform?: Platform
  readonly annotations?: Readonly<Record<string, string>>
  /** What the image refers to (distribution-spec, "Listing Referrers"). */
  readonly subject?: Described
  readonly artifactType?: string
}

export const AMD64: Platform = { os: 'linux', architecture: 'amd64' }
export const ARM64: Platform = { os: 'linux', architecture: 'arm64' }

/** The media types of an image's parts. */
export interface ImageTypes {
  readonly manifest: string
  readonly config: string
  readonly layer: string
}

export const OCI_TYPES: ImageTypes = {
  manifest: OCI_MANIFEST,
  config: 'application/vnd.oci.image.config.v1+json',
  layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
}

export const DOCKER_TYPES: ImageTypes = {
  manifest: DOCKER_MANIFEST,
  config: 'application/vnd.docker.container.image.v1+json',
  layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
}

/** Builds an image. Equal options give equal digests. */
export function imageOf(options: ImageOptions = {}): Image {
  const { seed = 'image', layers = 1, layerBytes = 1024, platform = AMD64 } = options
  const types = options.docker === true ? DOCKER_TYPES : OCI_TYPES
  const tars = Array.from({ length: layers }, (_, at) => tarOf(`${seed}/${at}`, layerBytes))
  const built = tars.map((tar) => contentOf(types.layer, gzipSync(tar, { level: 0 })))
  const config = configOf(
    types,
    platform,
    tars.map((tar) => digestOf(tar)),
    seed,
  )
  const { annotations, artifactType, subject } = options
  const extra = { annotations, artifactType, subject: subject && describe(subject) }
  const manifest = manifestOf(types, config, built, extra)
  return { manifest, config, layers: built, blobs: [config, ...built], platform }
}

/** Builds an index (Docker: a manifest list) over images; each child carries its platform. */
export function indexOf(images: readonly Image[], options: { docker?: boolean } = {}): Index {
  const mediaType = options.docker === true ? DOCKER_MANIFEST_LIST : OCI_INDEX
  const manifests = images.map(({ manifest, platform }) => ({ ...describe(manifest), platform }))
  return { manifest: jsonContent(mediaType, { schemaVersion: 2, mediaType, manifests }), images }
}

/** An image for linux/amd64 and one for linux/arm64 under one index. */
export function multiArch(options: Omit<ImageOptions, 'platform'> = {}): Index {
  const { seed = 'multi' } = options
  const images = [AMD64, ARM64].map((platform) =>
    imageOf({ ...options, platform, seed: `${seed}/${platform.architecture}` }),
  )
  return indexOf(images, options)
}

/** Bytes under their digest. */
export function contentOf(mediaType: string, bytes: Buffer): Content {
  return { mediaType, digest: digestOf(bytes), size: bytes.length, bytes }
}

/** The three fields of a descriptor. */
export function describe({ mediaType, digest, size }: Described): Described {
  return { mediaType, digest, size }
}

/** The config of an image whose uncompressed layers have the digests `diffIds`. */
export function configOf(
  types: ImageTypes,
  platform: Platform,
  diffIds: readonly Digest[],
  seed: string,
): Content {
  const created = '2024-01-01T00:00:00Z'
  return jsonContent(types.config, {
    created,
    ...platform,
    config: { Env: ['PATH=/bin'], Labels: { seed } },
    rootfs: { type: 'layers', diff_ids: diffIds },
    history: diffIds.map((_, at) => ({ created, created_by: `layer ${at} of ${seed}` })),
  })
}

/** The manifest over a config and layers; `extra` fields that are undefined are left out. */
export function manifestOf(
  types: ImageTypes,
  config: Described,
  layers: readonly Described[],
  extra: Readonly<Record<string, unknown>> = {},
): Content {
  return jsonContent(types.manifest, {
    schemaVersion: 2,
    mediaType: types.manifest,
    config: describe(config),
    layers: layers.map(describe),
    ...extra,
  })
}

function jsonContent(mediaType: string, value: object): Content {
  return contentOf(mediaType, Buffer.from(JSON.stringify(value, null, 2)))
}

function tarOf(seed: string, size: number): Buffer {
  const name = `${seed.replaceAll('/', '-')}.bin`
  return Buffer.concat([tarHeader(name, size), seededBytes(seed, size), tarTrailer(size)])
}
