// Following redirects: the bytes of a blob often lie with a CDN, and credentials must not go there.
import { UpstreamInvalidAnswerError } from './errors.ts'
import type { TransportRequest, TransportResponse } from './transport.ts'

const MAX_REDIRECTS = 5
const REDIRECTS = new Set([301, 302, 303, 307, 308])

type Send = (request: TransportRequest) => Promise<TransportResponse>

/**
 * Sends a GET or HEAD and follows up to five redirects, over http and https and never from https to http.
 * `Authorization` stays with the first origin (RFC 9110 §15.4). Addresses are the transport's to check.
 */
export async function sendFollowing(send: Send, request: TransportRequest): Promise<TransportResponse> {
  let current = request
  for (let followed = 0; ; followed++) {
    const response = await send(current)
    const location = REDIRECTS.has(response.status) ? response.header('location') : undefined
    if (location === undefined) return response
    await response.discard()
    if (followed === MAX_REDIRECTS)
      throw new UpstreamInvalidAnswerError(`${request.url.host} redirects more than ${MAX_REDIRECTS} times`)
    const url = nextUrl(current.url, location)
    current = {
      ...current,
      url,
      headers: url.origin === current.url.origin ? current.headers : anonymous(current),
    }
  }
}

function nextUrl(from: URL, location: string): URL {
  const url = URL.canParse(location, from.href) ? new URL(location, from) : undefined
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:'))
    throw new UpstreamInvalidAnswerError(`${from.host} redirects to something that is not http or https`)
  if (from.protocol === 'https:' && url.protocol === 'http:')
    throw new UpstreamInvalidAnswerError(`${from.host} redirects from https to http`)
  url.username = ''
  url.password = ''
  return url
}

function anonymous(request: TransportRequest): Record<string, string> {
  const { authorization: _, ...headers } = request.headers
  return headers
}
