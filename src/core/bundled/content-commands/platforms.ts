// The platforms of an image: an index names them, an image's config says its own.
import type { Digest } from '../../../oci/digest.ts'
import type { ParsedManifest } from '../../../oci/manifest.ts'
import { isIndexType } from '../../../oci/media-type.ts'
import type { ContentStore } from '../../content/content-store.ts'
import { blobDataPath } from '../../content/layout.ts'
import type { Manifest } from '../../registry.ts'

/** A config is JSON about an image, not the image. */
const MAX_CONFIG_BYTES = 1024 * 1024

/** As `linux/arm64/v8`, without those that a build marks as unknown; none for what runs nowhere. */
export async function platformsOf(
  content: ContentStore,
  { mediaType, bytes }: Manifest,
  parsed: ParsedManifest | undefined,
): Promise<string[]> {
  if (isIndexType(mediaType)) {
    const children = parseJson(bytes).manifests
    const platforms = Array.isArray(children)
      ? children.map((child: unknown) => field(child, 'platform'))
      : []
    return [...new Set(platforms.flatMap(platformText))]
  }
  const config = parsed?.blobs[0]?.digest
  return config === undefined ? [] : platformText(await readConfig(content, config))
}

async function readConfig({ driver }: ContentStore, digest: Digest): Promise<unknown> {
  try {
    return parseJson(await driver.readAll(blobDataPath(digest), { maxBytes: MAX_CONFIG_BYTES }))
  } catch {
    return undefined // missing, or not the config of an image
  }
}

function platformText(value: unknown): string[] {
  const [os, architecture, variant] = ['os', 'architecture', 'variant'].map((name) => field(value, name))
  if (typeof os !== 'string' || typeof architecture !== 'string') return []
  if (os === '' || os === 'unknown') return []
  return [[os, architecture, ...(typeof variant === 'string' && variant !== '' ? [variant] : [])].join('/')]
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(bytes).toString())
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined
}
