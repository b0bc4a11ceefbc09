// Manifests and indexes: parsed once, where they enter, into what the registry needs to know of them.
import { RegistryError } from './error.ts'
import { parseBoundedJson } from './bounded-json.ts'
import { parseDigest } from './digest.ts'
import type { Descriptor, Platform } from './descriptor.ts'
import {
  DOCKER_SCHEMA1,
  DOCKER_SCHEMA1_SIGNED,
  essenceOf,
  isIndexType,
  MANIFEST_TYPES,
  OCI_INDEX,
  OCI_MANIFEST,
} from './media-type.ts'

/** Larger manifests are refused with 413, as registry:2 does and distribution-spec end-7 allows. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024

/** What a manifest's JSON says. Its bytes are kept apart: they are never written again from this. */
export interface ParsedManifest {
  readonly mediaType: string
  /** Config and layers: blobs the repository must hold. Empty for an index. */
  readonly blobs: readonly Descriptor[]
  /** Manifests an index points to. Empty for an image. */
  readonly manifests: readonly Descriptor[]
  readonly subject: Descriptor | undefined
  readonly artifactType: string | undefined
  readonly annotations: Readonly<Record<string, string>> | undefined
}

const NON_DISTRIBUTABLE = /(?:nondistributable|foreign)/

/** A layer that stays with a third party: its bytes need not be in the repository (image-spec "Non-Distributable Layers"). */
export function isDistributable(descriptor: Descriptor): boolean {
  return !NON_DISTRIBUTABLE.test(descriptor.mediaType)
}

/**
 * Parses manifest bytes that were sent as `contentType`.
 * Throws `MANIFEST_INVALID` with one line that says what is wrong, also for schema 1.
 */
export function parseManifest(bytes: Uint8Array, contentType: string | undefined): ParsedManifest {
  const json = parseObject(bytes)
  const mediaType = manifestType(json, contentType)
  const index = isIndexType(mediaType)
  return {
    mediaType,
    blobs: index ? [] : [descriptor(json.config, 'config'), ...descriptors(json.layers, 'layers')],
    manifests: index ? descriptors(json.manifests, 'manifests') : [],
    subject:
      json.subject === undefined || json.subject === null ? undefined : descriptor(json.subject, 'subject'),
    artifactType: optionalString(json.artifactType, 'artifactType'),
    annotations: annotationsOf(json.annotations, 'annotations'),
  }
}

type Json = Record<string, unknown>

function invalid(message: string, cause?: unknown): RegistryError {
  return new RegistryError('MANIFEST_INVALID', message, { cause })
}

function parseObject(bytes: Uint8Array): Json {
  let value: unknown
  try {
    value = parseBoundedJson(bytes)
  } catch (cause) {
    throw invalid('the manifest is not valid JSON in UTF-8, or nested too deep', cause)
  }
  if (!isObject(value)) throw invalid('the manifest is not a JSON object')
  return value
}

/**
 * The type that the bytes themselves show: what is declared beside them must be the same. Otherwise one digest could mean
 * an image here and an index there (image-spec "Mitigations", CVE-2021-41190).
 */
function manifestType(json: Json, contentType: string | undefined): string {
  if (json.schemaVersion === 1) throw schema1()
  if (json.schemaVersion !== 2) throw invalid('the manifest has no "schemaVersion": 2')
  const inside = optionalString(json.mediaType, 'mediaType')
  const mediaType = inside ?? (Array.isArray(json.manifests) ? OCI_INDEX : OCI_MANIFEST)
  if (mediaType === DOCKER_SCHEMA1 || mediaType === DOCKER_SCHEMA1_SIGNED) throw schema1()
  if (!MANIFEST_TYPES.includes(mediaType))
    throw invalid(`"${clipped(mediaType)}" is not the media type of a manifest`)
  const declared = contentType === undefined ? mediaType : essenceOf(contentType)
  if (declared !== mediaType)
    throw invalid(`the Content-Type is "${clipped(declared)}" but the manifest is of the type "${mediaType}"`)
  const [foreign, own] = isIndexType(mediaType)
    ? [['config', 'layers'], 'manifests']
    : [['manifests'], 'config']
  const mixed = foreign.find((key) => json[key] !== undefined && json[key] !== null)
  if (mixed !== undefined) throw invalid(`"${mixed}" does not belong into a "${mediaType}"`)
  if (json[own] === undefined || json[own] === null) throw invalid(`the manifest has no "${own}"`)
  return mediaType
}

function schema1(): RegistryError {
  return invalid('schema 1 manifests are not supported: push the image again with a current client')
}

/** What a client sent goes back to it, but not a MiB of it. */
function clipped(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}

function descriptors(value: unknown, where: string): Descriptor[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw invalid(`"${where}" is not a list`)
  return value.map((item, position) => descriptor(item, `${where}[${position}]`))
}

function descriptor(value: unknown, where: string): Descriptor {
  if (!isObject(value)) throw invalid(`"${where}" is not a descriptor`)
  const { mediaType, size } = value
  const digest = typeof value.digest === 'string' ? parseDigest(value.digest) : undefined
  if (typeof mediaType !== 'string') throw invalid(`"${where}" has no mediaType`)
  if (digest === undefined) throw invalid(`"${where}" has no valid sha256 or sha512 digest`)
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    throw invalid(`"${where}" has no valid size`)
  const artifactType = optionalString(value.artifactType, `${where}.artifactType`)
  const annotations = annotationsOf(value.annotations, `${where}.annotations`)
  const platform = platformOf(value.platform)
  const urls = Array.isArray(value.urls) ? value.urls.filter((url) => typeof url === 'string') : undefined
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(annotations === undefined ? {} : { annotations }),
    ...(urls === undefined ? {} : { urls }),
    ...(platform === undefined ? {} : { platform }),
  }
}

/** A platform that makes no sense is none: nobody is refused an image for it. */
function platformOf(value: unknown): Platform | undefined {
  if (!isObject(value)) return undefined
  const { os, architecture, variant } = value
  if (typeof os !== 'string' || typeof architecture !== 'string') return undefined
  return { os, architecture, ...(typeof variant === 'string' && variant !== '' ? { variant } : {}) }
}

function annotationsOf(value: unknown, where: string): Record<string, string> | undefined {
  if (value === undefined || value === null) return undefined
  if (!isObject(value)) throw invalid(`"${where}" is not an object`)
  for (const [key, text] of Object.entries(value))
    if (typeof text !== 'string')
      throw invalid(`"${where}" has a value of "${clipped(key)}" that is not a string`)
  return value as Record<string, string>
}

function optionalString(value: unknown, where: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value !== 'string') throw invalid(`"${where}" is not a string`)
  return value
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
