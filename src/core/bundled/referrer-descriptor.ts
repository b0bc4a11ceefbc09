// How a manifest is listed among the referrers of its subject (distribution-spec "Listing Referrers").
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { parseManifest, type ParsedManifest } from '../../oci/manifest.ts'
import type { Manifest } from '../registry.ts'

/** Undefined when the manifest does not name `subject`, or would be refused today. */
export function referrerDescriptor(manifest: Manifest, subject: Digest): Descriptor | undefined {
  const parsed = tryParse(manifest)
  if (parsed?.subject?.digest !== subject) return undefined
  // An image without artifactType is listed by its config's media type, an index without one by none.
  const artifactType = parsed.artifactType ?? parsed.blobs[0]?.mediaType
  return {
    mediaType: parsed.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.length,
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(parsed.annotations === undefined ? {} : { annotations: parsed.annotations }),
  }
}

/** What the stored manifest says, or undefined when it would be refused today. */
export function tryParse(manifest: Manifest): ParsedManifest | undefined {
  try {
    return parseManifest(manifest.bytes, manifest.mediaType)
  } catch {
    return undefined
  }
}
