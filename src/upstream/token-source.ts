// Bearer tokens of an upstream's token service (Docker token specification), shared by all who need the same one.
import { LRUCache } from 'lru-cache'
import { SingleFlight } from '../cache/single-flight.ts'
import { failureOf, readJson } from './answers.ts'
import { UpstreamInvalidAnswerError } from './errors.ts'
import type { Transport } from './transport.ts'

export interface Credentials {
  readonly username: string
  readonly password: string
}

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

/** Life of a token that does not say (Docker token specification: `expires_in`). */
const DEFAULT_LIFE_SECONDS = 60
const MAX_LIFE_SECONDS = 86_400
/** A token is given out for this part of its life, so that it does not expire on the way. */
const USED_LIFE = 0.9
const MAX_TOKENS = 2_000
const MAX_TOKEN_ANSWER_BYTES = 256 * 1024

export function createTokenSource(options: { transport: Transport; credentials?: Credentials }): TokenSource {
  const { transport, credentials } = options
  const tokens = new LRUCache<string, string>({ max: MAX_TOKENS })
  const flights = new SingleFlight<string>()

  async function fetchToken(request: TokenRequest): Promise<string> {
    const url = new URL(request.realm)
    if (request.service !== undefined) url.searchParams.set('service', request.service)
    for (const scope of request.scope.split(' ')) if (scope !== '') url.searchParams.append('scope', scope)
    if (credentials) url.searchParams.set('account', credentials.username)
    const authorization = credentials ? { authorization: basicAuthorization(credentials) } : {}
    const response = await transport.send({
      method: 'GET',
      url,
      headers: { accept: 'application/json', 'accept-encoding': 'identity', ...authorization },
    })
    if (response.status !== 200) throw await failureOf(response)
    const answer = await readJson(response, MAX_TOKEN_ANSWER_BYTES)
    const token = tokenOf(answer) ?? fail(url)
    tokens.set(keyOf(request), token, {
      ttl: Math.max(1, Math.floor(lifeSeconds(answer) * USED_LIFE * 1000)),
    })
    return token
  }

  return {
    async get(request) {
      const key = keyOf(request)
      return tokens.get(key) ?? flights.run(key, () => fetchToken(request))
    },
    forget(request, token) {
      const key = keyOf(request)
      if (tokens.get(key) === token) tokens.delete(key)
    },
  }
}

export function basicAuthorization({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
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
