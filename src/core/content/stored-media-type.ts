// The media type of a stored manifest: registry:2 keeps none, so it is read out of the bytes.
import { parseBoundedJson } from '../../oci/bounded-json.ts'
import { DOCKER_SCHEMA1, OCI_INDEX, OCI_MANIFEST } from '../../oci/media-type.ts'

/** What to send as `Content-Type`. Never throws: old folders hold manifests that would be refused today. */
export function storedMediaType(bytes: Uint8Array): string {
  const json = parse(bytes)
  if (typeof json !== 'object' || json === null) return OCI_MANIFEST
  if ('mediaType' in json && typeof json.mediaType === 'string' && json.mediaType !== '')
    return json.mediaType
  if ('schemaVersion' in json && json.schemaVersion === 1) return DOCKER_SCHEMA1
  // image-spec lets both leave `mediaType` out; only an index lists manifests.
  return 'manifests' in json && Array.isArray(json.manifests) ? OCI_INDEX : OCI_MANIFEST
}

function parse(bytes: Uint8Array): unknown {
  try {
    return parseBoundedJson(bytes)
  } catch {
    return undefined
  }
}
