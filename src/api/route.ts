// The paths of the Distribution API, parsed once into types that cannot be wrong.
import { RegistryError } from '../oci/error.ts'
import { parseDigest, type Digest } from '../oci/digest.ts'
import { parseReference, type Reference } from '../oci/reference.ts'

/** A path below `/v2/`. `name` is as the client wrote it; it becomes a repository by access/naming.ts. */
export type Route =
  | { readonly kind: 'base' }
  | { readonly kind: 'catalog' }
  | { readonly kind: 'manifest'; readonly name: string; readonly reference: Reference }
  | { readonly kind: 'blob'; readonly name: string; readonly digest: Digest }
  | { readonly kind: 'upload-start'; readonly name: string }
  | { readonly kind: 'upload'; readonly name: string; readonly id: string }
  | { readonly kind: 'tags'; readonly name: string }
  | { readonly kind: 'referrers'; readonly name: string; readonly digest: Digest }

export type RepositoryRoute = Exclude<Route, { kind: 'base' | 'catalog' }>

const PREFIX = '/v2/'
const UPLOAD_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * The route of a path (without its query). Throws `DIGEST_INVALID` or `TAG_INVALID` for a malformed reference, and
 * 404 for what is no path of the API.
 */
export function parseRoute(path: string): Route {
  const rest = path.slice(PREFIX.length)
  if (rest === '') return { kind: 'base' }
  if (rest === '_catalog') return { kind: 'catalog' }
  const slash = rest.lastIndexOf('/')
  const last = rest.slice(slash + 1)
  const parent = rest.lastIndexOf('/', slash - 1)
  const name = rest.slice(0, parent)
  // The word before the last one decides, so that a repository may be called `a/tags/list` or `a/manifests`.
  switch (slash > 0 && parent > 0 ? rest.slice(parent + 1, slash) : '') {
    case 'manifests':
      return { kind: 'manifest', name, reference: referenceOf(last) }
    case 'blobs':
      return last === 'uploads'
        ? { kind: 'upload-start', name }
        : { kind: 'blob', name, digest: digestOf(last) }
    case 'tags':
      if (last === 'list') return { kind: 'tags', name }
      break
    case 'referrers':
      return { kind: 'referrers', name, digest: digestOf(last) }
    case 'uploads':
      if (name.endsWith('/blobs')) return uploadRoute(name.slice(0, -'/blobs'.length), last)
  }
  throw new RegistryError('UNSUPPORTED', 'no such path in the Distribution API', { status: 404 })
}

function uploadRoute(name: string, id: string): Route {
  if (id === '') return { kind: 'upload-start', name }
  if (!UPLOAD_ID.test(id))
    throw new RegistryError('BLOB_UPLOAD_UNKNOWN', 'no such upload session: start a new one')
  return { kind: 'upload', name, id }
}

function referenceOf(text: string): Reference {
  const decoded = decode(text)
  const reference = parseReference(decoded)
  if (reference) return reference
  if (decoded.includes(':')) throw invalidDigest()
  throw new RegistryError('TAG_INVALID', 'the tag is malformed or longer than 128 characters')
}

function digestOf(text: string): Digest {
  const digest = parseDigest(decode(text))
  if (!digest) throw invalidDigest()
  return digest
}

function invalidDigest(): RegistryError {
  return new RegistryError('DIGEST_INVALID', 'the digest is malformed or its algorithm is not supported')
}

/** Some clients escape the colon of a digest. A slash that appears by decoding makes the reference invalid. */
function decode(text: string): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
