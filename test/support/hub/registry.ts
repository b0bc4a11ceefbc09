// The registry of the stand-in: a token for everything, manifests here, blobs by redirect to the CDN.
import { parseDigest } from '../../../src/oci/digest.ts'
import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../../src/oci/media-type.ts'
import type { Content } from '../images.ts'
import type { Cdn } from './cdn.ts'
import type { HubContent } from './content.ts'
import { bodyOf, errorReply, jsonReply, type HubRequest, type Reply } from './exchange.ts'
import type { RateLimit } from './rate-limit.ts'
import type { Grant, TokenRealm } from './tokens.ts'

const API_VERSION = { 'Docker-Distribution-Api-Version': 'registry/2.0' }
const PATH = /^\/v2\/(.+)\/(manifests|blobs|tags)\/([^/]+)$/

export interface HubRegistryOptions {
  readonly content: HubContent
  readonly realm: TokenRealm
  readonly rateLimit: RateLimit
  readonly cdn: Cdn
  /** Where tokens are had and where blobs are. */
  readonly origins: { readonly token: string; readonly cdn: string }
}

export class HubRegistry {
  readonly #options: HubRegistryOptions

  constructor(options: HubRegistryOptions) {
    this.#options = options
  }

  readonly handle = (request: HubRequest): Reply => {
    const reply = this.#answer(request, new URL(request.path, 'http://hub'))
    return { ...reply, headers: { ...API_VERSION, ...reply.headers } }
  }

  #answer(request: HubRequest, url: URL): Reply {
    const [, repository, kind, last = ''] = PATH.exec(url.pathname) ?? []
    const grant = this.#options.realm.verify(request.headers.authorization)
    if (!grant || (repository !== undefined && !grant.repositories.has(repository)))
      return this.#unauthorized(request, repository, grant)
    if (url.pathname === '/v2/') return jsonReply(200, {})
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return errorReply(405, 'UNSUPPORTED', 'this registry is read-only')
    if (repository !== undefined && kind === 'manifests')
      return this.#manifest(request, repository, last, grant)
    if (repository !== undefined && kind === 'blobs') return this.#blob(request, repository, last)
    if (repository !== undefined && kind === 'tags' && last === 'list') return this.#tags(repository, url)
    return errorReply(404, 'NAME_UNKNOWN', 'no such path')
  }

  #unauthorized(request: HubRequest, repository: string | undefined, grant: Grant | undefined): Reply {
    const hasToken = request.headers.authorization !== undefined
    const error = grant ? 'insufficient_scope' : hasToken ? 'invalid_token' : undefined
    const { realm, origins } = this.#options
    const challenge = realm.challenge(`${origins.token}/token`, repository, error)
    return errorReply(401, 'UNAUTHORIZED', 'authentication required', { 'WWW-Authenticate': challenge })
  }

  #manifest(request: HubRequest, repository: string, reference: string, { account }: Grant): Reply {
    const { content, rateLimit } = this.#options
    const manifest = content.manifest(repository, reference)
    if (!manifest) return errorReply(404, 'MANIFEST_UNKNOWN', 'manifest unknown', rateLimit.headers(account))
    if (!isAccepted(manifest, request.headers.accept))
      return errorReply(
        404,
        'MANIFEST_UNKNOWN',
        `${nameOf(manifest)} found, but accept header does not support it`,
      )
    const refused = request.method === 'GET' ? rateLimit.count(account) : undefined
    if (refused) return refused
    const headers = {
      ...rateLimit.headers(account),
      'Docker-Content-Digest': manifest.digest,
      ETag: `"${manifest.digest}"`,
    }
    if (request.headers['if-none-match'] === headers.ETag) return { status: 304, headers }
    return {
      status: 200,
      headers: { ...headers, 'Content-Type': manifest.mediaType },
      body: bodyOf(manifest.bytes),
    }
  }

  #blob(request: HubRequest, repository: string, text: string): Reply {
    const { content, cdn, origins } = this.#options
    const digest = parseDigest(text)
    const body = digest === undefined ? undefined : content.blob(repository, digest)
    if (digest === undefined || !body) return errorReply(404, 'BLOB_UNKNOWN', 'blob unknown to registry')
    if (request.method === 'GET')
      return { status: 307, headers: { Location: origins.cdn + cdn.pathOf(digest) } }
    const headers = { 'Docker-Content-Digest': digest, 'Content-Type': 'application/octet-stream' }
    return { status: 200, headers, body }
  }

  #tags(repository: string, { searchParams }: URL): Reply {
    const last = searchParams.get('last')
    const tags = this.#options.content.tags(repository).filter((tag) => last === null || tag > last)
    const page = tags.slice(0, Number(searchParams.get('n') ?? tags.length))
    const next = `</v2/${repository}/tags/list?last=${page.at(-1)}&n=${page.length}>; rel="next"`
    return jsonReply(200, { name: repository, tags: page }, page.length < tags.length ? { Link: next } : {})
  }
}

/** Whether the client named the type: a wildcard is not enough for what an old client could not read. */
function isAccepted({ mediaType }: Content, accept = ''): boolean {
  return mediaType === DOCKER_MANIFEST || accept.includes(mediaType)
}

function nameOf({ mediaType }: Content): string {
  if (mediaType === OCI_INDEX) return 'OCI index'
  return mediaType === OCI_MANIFEST ? 'OCI manifest' : 'manifest list'
}
