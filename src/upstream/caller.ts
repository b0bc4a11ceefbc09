// One request of the API with everything it takes: login, one retry after a 401, redirects, failures as errors.
import { failureOf } from './answers.ts'
import { UpstreamDeniedError, UpstreamUnavailableError, type UpstreamError } from './errors.ts'
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

  /** Sends a call with the login that the upstream wants for it; `used` is that login. */
  async function sendAuthorized(call: ApiCall): Promise<{ response: TransportResponse; used?: string }> {
    const known = await authorization.current(call.scope)
    const response = await send(call, known)
    if (response.status !== 401 || response.url.origin !== base.origin)
      return { response, ...(known === undefined ? {} : { used: known }) }
    await response.discard()
    const used = await authorization.answer(call.scope, response.header('www-authenticate'), known)
    call.signal?.throwIfAborted()
    return { response: await send(call, used), used }
  }

  /** The failure that an answer is; a login that has expired is renewed, and the call sent once more. */
  async function sendRenewed(call: ApiCall, response: TransportResponse, used: string | undefined) {
    const failure = await failureOf(response)
    if (used === undefined || !isExpiry(failure, base)) throw failureFor(failure, response, base)
    const renewed = await authorization.renewed(call.scope, used)
    call.signal?.throwIfAborted()
    if (renewed === undefined) throw failure
    const again = await send(call, renewed)
    if (isSuccess(again)) return again
    throw failureFor(await failureOf(again), again, base)
  }

  return async (call) => {
    call.signal?.throwIfAborted()
    const { response, used } = await sendAuthorized(call)
    return isSuccess(response) ? response : sendRenewed(call, response, used)
  }
}

function isSuccess({ status }: TransportResponse): boolean {
  return status >= 200 && status < 300
}

/** ECR answers 403 where others answer 401: its tokens live 12 hours, and it says that one is over in words alone. */
function isExpiry(failure: UpstreamError, base: URL): boolean {
  if (!(failure instanceof UpstreamDeniedError) || failure.origin !== base.origin) return false
  return /\bexpired\b/i.test(failure.fault?.message ?? '')
}

function failureFor(failure: UpstreamError, { url, status }: TransportResponse, base: URL): UpstreamError {
  if (url.origin === base.origin || status >= 500 || status === 429) return failure
  // What a CDN says of its signed URL is no word of the registry about what exists or who may have it.
  return new UpstreamUnavailableError(failure.message, { cause: failure, status })
}
