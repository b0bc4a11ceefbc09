// What a manifest names: the content that it needs.
import { parseDigest, type Digest } from '../../oci/digest.ts'
import { parseManifest } from '../../oci/manifest.ts'

export interface NamedDigests {
  /** Config and layers. */
  readonly blobs: readonly Digest[]
  /** An index's manifests; some are blobs, as in a build cache. */
  readonly manifests: readonly Digest[]
  readonly subject: Digest | undefined
}

/**
 * Of a manifest that would be refused today (schema 1, types of other registries): every digest in its JSON, each as
 * blob and as manifest. Undefined for what is no JSON.
 */
export function namedDigests(bytes: Uint8Array, mediaType: string | undefined): NamedDigests | undefined {
  try {
    const { blobs, manifests, subject } = parseManifest(bytes, mediaType)
    return { blobs: blobs.map(digestOf), manifests: manifests.map(digestOf), subject: subject?.digest }
  } catch {
    const all = allDigests(bytes)
    return all && { blobs: all, manifests: all, subject: undefined }
  }
}

function digestOf({ digest }: { digest: Digest }): Digest {
  return digest
}

function allDigests(bytes: Uint8Array): Digest[] | undefined {
  const found: Digest[] = []
  try {
    JSON.parse(new TextDecoder().decode(bytes), (_key, value: unknown) => {
      const digest = typeof value === 'string' ? parseDigest(value) : undefined
      if (digest !== undefined) found.push(digest)
      return value
    })
    return found
  } catch {
    return undefined
  }
}
