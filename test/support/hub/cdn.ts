// The CDN that the registry sends blob readers to: signed addresses, no logins, ranges.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { hexOf, parseDigest, type Digest } from '../../../src/oci/digest.ts'
import type { HubContent } from './content.ts'
import { errorReply, type HubRequest, type Reply, type ReplyBody } from './exchange.ts'

const PATH =
  /^\/registry-v2\/docker\/registry\/v2\/blobs\/(sha256|sha512)\/[0-9a-f]{2}\/([0-9a-f]+)\/data\?verify=(.+)$/

export class Cdn {
  readonly #content: HubContent
  readonly #secret = randomBytes(32)

  constructor(content: HubContent) {
    this.#content = content
  }

  /** The path and query under which `digest` can be had. */
  pathOf(digest: Digest): string {
    const hex = hexOf(digest)
    const [algorithm] = digest.split(':')
    const path = `/registry-v2/docker/registry/v2/blobs/${algorithm}/${hex.slice(0, 2)}/${hex}/data`
    return `${path}?verify=${encodeURIComponent(this.#sign(digest))}`
  }

  readonly handle = (request: HubRequest): Reply => {
    // Signed object stores answer 400 to a second kind of login; what was sent is leaked all the same.
    if (request.headers.authorization !== undefined)
      return errorReply(400, 'DENIED', 'only one way to sign in is allowed: an Authorization header came in')
    const [, algorithm, hex, verify] = PATH.exec(request.path) ?? []
    const digest = parseDigest(`${algorithm}:${hex}`)
    if (digest === undefined || verify === undefined) return errorReply(404, 'BLOB_UNKNOWN', 'no such object')
    if (!this.#isSigned(digest, decodeURIComponent(verify)))
      return errorReply(403, 'DENIED', 'wrong signature')
    const body = this.#content.anyBlob(digest)
    if (!body) return errorReply(404, 'BLOB_UNKNOWN', 'no such object')
    return rangeReply(body, request.headers.range, {
      ETag: `"${hex}"`,
      'Content-Type': 'application/octet-stream',
    })
  }

  #sign(digest: Digest): string {
    return createHmac('sha256', this.#secret).update(digest).digest('base64url')
  }

  #isSigned(digest: Digest, signature: string): boolean {
    const [expected, given] = [Buffer.from(this.#sign(digest)), Buffer.from(signature)]
    return expected.length === given.length && timingSafeEqual(expected, given)
  }
}

/** 200, 206 or 416 for one range of bytes (RFC 9110 §14.2); several ranges are answered whole. */
function rangeReply(body: ReplyBody, range: string | undefined, headers: Record<string, string>): Reply {
  const all = { ...headers, 'Accept-Ranges': 'bytes' }
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? []
  if (first === '' && last === '') return { status: 200, headers: all, body }
  const start = first === '' ? Math.max(0, body.size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? body.size : Math.min(body.size, Number(last) + 1)
  if (start >= body.size || end <= start)
    return { status: 416, headers: { ...all, 'Content-Range': `bytes */${body.size}` } }
  const part: ReplyBody = { size: end - start, read: (from, to) => body.read(start + from, start + to) }
  return {
    status: 206,
    headers: { ...all, 'Content-Range': `bytes ${start}-${end - 1}/${body.size}` },
    body: part,
  }
}
