// Which headers cross between a client and an external core, and how `Location` is rewritten on the way back.
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'
import { COMMON_ANSWER_HEADERS } from '../../oci/common-answer-headers.ts'

/** All a core needs of a client. Logins, cookies, hop-by-hop and forwarding headers are the gateway's own business. */
const REQUEST_HEADERS = [
  'accept',
  'content-length',
  'content-range',
  'content-type',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'range',
  'user-agent',
]

/** All a client needs of a core: nothing that names its software, its proxies or its logins. */
const ANSWER_HEADERS = [
  'accept-ranges',
  'cache-control',
  'content-length',
  'content-range',
  'docker-content-digest',
  'docker-upload-uuid',
  'etag',
  'last-modified',
  'oci-chunk-max-length',
  'oci-chunk-min-length',
  'range',
]

/** What the client's request carries on to the core; `publicOrigin` is where the client sees us. */
export function requestHeaders(
  headers: IncomingHttpHeaders,
  publicOrigin: string,
  authorization: string | undefined,
): Record<string, string> {
  const { protocol, host } = new URL(publicOrigin)
  return {
    ...picked(headers, REQUEST_HEADERS),
    // Compressed on the way, a blob would have another length and another digest.
    'accept-encoding': 'identity',
    // Single values: registry:2 builds a broken Location out of a list.
    'x-forwarded-proto': protocol.slice(0, -1),
    'x-forwarded-host': host,
    ...(authorization === undefined ? {} : { authorization }),
  }
}

/** What the core's answer carries on to the client, but for its `Location`. */
export function answerHeaders(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return { ...COMMON_ANSWER_HEADERS, ...picked(headers, ANSWER_HEADERS), ...contentType(headers) }
}

/** Content is data: what the core takes it for is told only where the parts of a range can not be read without. */
function contentType({ 'content-type': type }: IncomingHttpHeaders): OutgoingHttpHeaders {
  if (type === undefined) return {}
  return { 'content-type': /^multipart\/byteranges;/i.test(type) ? type : 'application/octet-stream' }
}

/** Headers of a refusal that tell the client how to go on (distribution-spec end-5: the true `Range` of a session). */
export function refusalHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  return picked(headers, ['content-range', 'docker-upload-uuid', 'range'])
}

export interface LocationRewrite {
  /** The core's own `host[:port]`. */
  readonly coreHost: string
  /** Path of the core's API: `/v2/`, or `/prefix/v2/`. */
  readonly corePath: string
  readonly repository: string
  readonly publicOrigin: string
  readonly publicName: string
}

/**
 * The `Location` of an answer as the client is to see it: below the repository, absolute or relative as the core may send it,
 * its query untouched. One that leads elsewhere, such as to the core's object store, is left as it is.
 */
export function rewriteLocation(location: string, status: number, rewrite: LocationRewrite): string {
  const [authority = ''] = /^(?:https?:)?\/\/[^/?#\\]*/i.exec(location) ?? []
  // An upload session is the core's by whatever name it knows itself; a redirect to another host is to be followed there.
  if (authority !== '' && status >= 300 && !isOurs(authority, rewrite)) return location
  const path = location.slice(authority.length)
  // A core behind a path prefix may leave the prefix out.
  for (const api of [rewrite.corePath, '/v2/']) {
    const below = `${api}${rewrite.repository}/`
    if (path.startsWith(below))
      return `${rewrite.publicOrigin}/v2/${rewrite.publicName}/${path.slice(below.length)}`
  }
  return location
}

/** Whether `authority` is the core's or the one that the client knows us by, over http or https. */
function isOurs(authority: string, { coreHost, publicOrigin }: LocationRewrite): boolean {
  const url = URL.canParse(authority, publicOrigin) ? new URL(authority, publicOrigin) : undefined
  return url?.host === coreHost || url?.host === new URL(publicOrigin).host
}

function picked(headers: IncomingHttpHeaders, names: readonly string[]): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name of names) {
    const value = headers[name]
    if (typeof value === 'string') kept[name] = value
  }
  return kept
}
