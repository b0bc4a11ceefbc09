// One request of the API with everything it takes: login, one retry after a 401, redirects, failures as errors.
import { failureOf } from './answers.ts'
import { UpstreamUnavailableError } from './errors.ts'
import { sendFollowing } from './redirects.ts'
import type { Authorization } from './authorization.ts'
import type { Transport, TransportRequest, TransportResponse } from './transport.ts'

export interface ApiCall {
  readonly method: TransportRequest['method']
  /** Below `/v2/`, with the query. */
  readonly path: string
  /** What a token for it must allow, when the challenge does not say. */
  readonly scope: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  readonly signal?: AbortSignal | undefined
  /** Upstreams count it against a quota: the GET of a manifest. */
  readonly isPull?: boolean
}

/** Sends a call and answers a 2xx; everything else rejects with an `UpstreamError`. */
export type Caller = (call: ApiCall) => Promise<TransportResponse>

export function createCaller(base: URL, transport: Transport, authorization: Authorization): Caller {
  async function send(call: ApiCall, authorized: string | undefined): Promise<TransportResponse> {
    const request: TransportRequest = {
      method: call.method,
      url: new URL(`v2/${call.path}`, base),
      headers: {
        // A compressed answer would have another length and another digest than the one asked for.
        'accept-encoding': 'identity',
        ...call.headers,
        ...(authorized === undefined ? {} : { authorization: authorized }),
      },
      ...(call.body === undefined ? {} : { body: call.body }),
      ...(call.signal === undefined ? {} : { signal: call.signal }),
    }
    const isRead = call.method === 'GET' || call.method === 'HEAD'
    return isRead ? sendFollowing(transport.send, request) : transport.send(request)
  }

  async function sendAuthorized(call: ApiCall): Promise<TransportResponse> {
    const known = await authorization.current(call.scope)
    const response = await send(call, known)
    if (response.status !== 401 || response.url.origin !== base.origin) return response
    await response.discard()
    const answer = await authorization.answer(call.scope, response.header('www-authenticate'), known)
    call.signal?.throwIfAborted()
    return send(call, answer)
  }

  return async (call) => {
    call.signal?.throwIfAborted()
    const response = await sendAuthorized(call)
    if (response.status >= 200 && response.status < 300) return response
    const failure = await failureOf(response)
    if (response.url.origin === base.origin || response.status >= 500 || response.status === 429)
      throw failure
    // What a CDN says of its signed URL is no word of the registry about what exists or who may have it.
    throw new UpstreamUnavailableError(failure.message, { cause: failure, status: response.status })
  }
}
