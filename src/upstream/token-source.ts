// Bearer tokens of an upstream's token service (Docker token specification), shared by all who need the same one.
import { LRUCache } from 'lru-cache'
import { SingleFlight } from '../cache/single-flight.ts'
import { failureOf, readJson } from './answers.ts'
import { UpstreamDeniedError, UpstreamInvalidAnswerError, UpstreamUnauthorizedError } from './errors.ts'
import { basicAuthorization, type Login, type LoginSource } from './login/login-source.ts'
import type { Transport, TransportRequest, TransportResponse } from './transport.ts'

/** What a token is asked of and for. */
export interface TokenRequest {
  /** Already checked to be allowed. */
  readonly realm: URL
  readonly service: string | undefined
  readonly scope: string
}

export interface TokenSource {
  /** A token with some life left. Concurrent callers share one request; a failure is not remembered. */
  get(request: TokenRequest): Promise<string>
  /** Forgets `token`, which the upstream refused, unless another has taken its place. */
  forget(request: TokenRequest, token: string): void
}

interface KnownToken {
  readonly token: string
  /** From then on it is renewed, while it is still given out. */
  readonly renewAt: number
}

/** Life of a token that does not say (Docker token specification: `expires_in`). */
const DEFAULT_LIFE_SECONDS = 60
const MAX_LIFE_SECONDS = 86_400
/** A token is given out for this part of its life, so that it does not expire on the way. */
const USED_LIFE = 0.9
/** After this part of it the next one is asked for, so that nobody has to wait for it. */
const QUIET_LIFE = 0.75
const MAX_TOKENS = 2_000
const MAX_TOKEN_ANSWER_BYTES = 256 * 1024

export function createTokenSource(options: {
  transport: Transport
  login?: LoginSource | undefined
}): TokenSource {
  const { transport, login } = options
  const tokens = new LRUCache<string, KnownToken>({ max: MAX_TOKENS })
  const flights = new SingleFlight<string>()

  /** The answer to a request with the login of now; a login that is refused is looked up anew, once. */
  async function send(request: TokenRequest): Promise<TransportResponse> {
    const known = await login?.current()
    const response = await transport.send(known ? loggedIn(request, known) : anonymous(request))
    if (response.status === 200) return response
    const failure = await failureOf(response)
    if (!login || !known || !isRefusal(failure)) throw failure
    login.refused()
    const next = await login.current()
    if (isSameLogin(next, known)) throw failure
    const again = await transport.send(loggedIn(request, next))
    if (again.status !== 200) throw await failureOf(again)
    return again
  }

  async function fetchToken(request: TokenRequest): Promise<string> {
    const answer = await readJson(await send(request), MAX_TOKEN_ANSWER_BYTES)
    const token = tokenOf(answer) ?? fail(request.realm)
    const lifeMs = lifeSeconds(answer) * 1000
    const renewAt = performance.now() + lifeMs * QUIET_LIFE
    tokens.set(keyOf(request), { token, renewAt }, { ttl: Math.max(1, Math.floor(lifeMs * USED_LIFE)) })
    return token
  }

  return {
    async get(request) {
      const key = keyOf(request)
      const known = tokens.get(key)
      if (!known) return flights.run(key, () => fetchToken(request))
      // A token service that fails now is asked again by the next one who comes.
      if (performance.now() >= known.renewAt) flights.run(key, () => fetchToken(request)).catch(() => {})
      return known.token
    },
    forget(request, token) {
      const key = keyOf(request)
      if (tokens.get(key)?.token === token) tokens.delete(key)
    },
  }
}

/** `GET`, as every token service has it (Docker token specification); with an identity token OAuth2's `POST`. */
function loggedIn(request: TokenRequest, login: Login): TransportRequest {
  if (login.kind === 'identity') return exchange(request, login.token)
  const { url, headers } = anonymous(request)
  url.searchParams.set('account', login.username)
  return { method: 'GET', url, headers: { ...headers, authorization: basicAuthorization(login) } }
}

function anonymous({ realm, service, scope }: TokenRequest): TransportRequest {
  const url = new URL(realm)
  if (service !== undefined) url.searchParams.set('service', service)
  for (const each of scope.split(' ')) if (each !== '') url.searchParams.append('scope', each)
  return { method: 'GET', url, headers: ANSWERED_AS_JSON }
}

function exchange({ realm, service, scope }: TokenRequest, identityToken: string): TransportRequest {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    client_id: 'dockgate',
    refresh_token: identityToken,
    scope,
    ...(service === undefined ? {} : { service }),
  })
  const headers = { ...ANSWERED_AS_JSON, 'content-type': 'application/x-www-form-urlencoded' }
  return { method: 'POST', url: realm, headers, body: Buffer.from(form.toString()) }
}

const ANSWERED_AS_JSON = { accept: 'application/json', 'accept-encoding': 'identity' }

function isRefusal(failure: unknown): boolean {
  return failure instanceof UpstreamUnauthorizedError || failure instanceof UpstreamDeniedError
}

function isSameLogin(a: Login, b: Login): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}

function keyOf({ realm, service, scope }: TokenRequest): string {
  return JSON.stringify([realm.href, service, scope])
}

function tokenOf(answer: Readonly<Record<string, unknown>>): string | undefined {
  const token = [answer.token, answer.access_token].find((value) => typeof value === 'string' && value !== '')
  // What comes from outside must not end a header line.
  return typeof token === 'string' && /^[\x21-\x7e]+$/.test(token) ? token : undefined
}

function lifeSeconds(answer: Readonly<Record<string, unknown>>): number {
  const life =
    typeof answer.expires_in === 'number' && answer.expires_in > 0 ? answer.expires_in : DEFAULT_LIFE_SECONDS
  return Math.min(life, MAX_LIFE_SECONDS)
}

function fail(url: URL): never {
  throw new UpstreamInvalidAnswerError(`the token service ${url.host} answered no token`)
}
