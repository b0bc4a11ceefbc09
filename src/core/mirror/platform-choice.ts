// Which manifest of a tag a client can read: the tag's own, or, for clients without indexes, one image of its index.
import type { AcceptSet } from '../../oci/accept.ts'
import type { Descriptor } from '../../oci/descriptor.ts'
import type { Digest } from '../../oci/digest.ts'
import { RegistryError } from '../../oci/error.ts'
import { parseManifest } from '../../oci/manifest.ts'
import { isIndexType, MANIFEST_TYPES } from '../../oci/media-type.ts'
import type { Manifest } from '../registry.ts'

/** An index is parsed once, however many old clients come. */
const parsed = new WeakMap<Manifest, readonly Descriptor[]>()

/**
 * The image to answer in place of an index that the client does not take; undefined when the manifest itself is the answer.
 * Bytes are never converted: throws `MANIFEST_UNKNOWN`, as registry:2 does, when there is no image that the client takes.
 */
export function imageInstead(manifest: Manifest, accept: AcceptSet): Digest | undefined {
  const { mediaType } = manifest
  if (accept.accepts(mediaType) || !isIndexType(mediaType)) return undefined
  // `Accept: application/json` and the like speak of no manifest at all.
  if (!MANIFEST_TYPES.some((type) => accept.accepts(type))) return undefined
  const images = childrenOf(manifest).filter((child) => accept.accepts(child.mediaType) && runs(child))
  // What registry:2 and Docker Hub give to clients that are as old.
  const usual = images.find(({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64')
  const only = images.length === 1 ? images[0] : undefined
  const chosen = usual ?? only
  if (chosen) return chosen.digest
  throw new RegistryError(
    'MANIFEST_UNKNOWN',
    `the tag is an index (${mediaType}): ask for it with that type in Accept, or by the digest of an image`,
  )
}

function childrenOf(manifest: Manifest): readonly Descriptor[] {
  const known = parsed.get(manifest)
  if (known) return known
  const { manifests } = parseManifest(manifest.bytes, manifest.mediaType)
  parsed.set(manifest, manifests)
  return manifests
}

/** Attestations say `unknown/unknown`. */
function runs({ platform }: Descriptor): boolean {
  return platform?.os !== 'unknown'
}
