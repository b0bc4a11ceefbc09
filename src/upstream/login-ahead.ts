// The login for requests that are sent once: it has to be known before, as a body that streams through can not be sent again.
import { SingleFlight } from '../cache/single-flight.ts'
import type { Authorization } from './authorization.ts'
import { basicAuthorization, type LoginSource } from './login/login-source.ts'
import type { Transport } from './transport.ts'

export interface LoginAhead {
  /** The `Authorization` for `scope`; undefined for an upstream that wants none. Rejects with an `UpstreamError`. */
  header(scope: string): Promise<string | undefined>
  /** To be told when the upstream answered 401 to `sent`, so that the next request does better. */
  refused(scope: string, challenge: string | undefined, sent: string | undefined): void
}

/** What an upstream wants seldom changes; when it does, a refusal says so. */
const REMEMBERED_MS = 5 * 60_000

export function createLoginAhead(options: {
  base: URL
  transport: Transport
  authorization: Authorization
  login?: LoginSource | undefined
}): LoginAhead {
  const { base, transport, authorization, login } = options
  const flights = new SingleFlight<string | undefined>()
  let learned: { readonly challenge: string | undefined; readonly until: number } | undefined

  /** How `GET /v2/` asks for a login: the place where every registry does. */
  async function askChallenge(): Promise<string | undefined> {
    const headers = { 'accept-encoding': 'identity' }
    const response = await transport.send({ method: 'GET', url: new URL('v2/', base), headers })
    await response.discard()
    const challenge = response.status === 401 ? (response.header('www-authenticate') ?? '') : undefined
    if (response.status < 500) learned = { challenge, until: performance.now() + REMEMBERED_MS }
    return challenge
  }

  async function challengeOf(): Promise<string | undefined> {
    if (learned && learned.until > performance.now()) return learned.challenge
    return flights.run('', askChallenge)
  }

  async function answer(scope: string, challenge: string): Promise<string> {
    try {
      return await authorization.answer(scope, challenge, undefined)
    } catch (error) {
      // One stray challenge that nobody can answer must not be what the next ones hear, too.
      learned = undefined
      throw error
    }
  }

  return {
    async header(scope) {
      const current = await authorization.current(scope)
      if (current !== undefined) return current
      const challenge = await challengeOf()
      if (challenge !== undefined) return answer(scope, challenge)
      // One that lets everybody look may still want to know who writes.
      const known = await login?.current()
      return known?.kind === 'password' ? basicAuthorization(known) : undefined
    },
    refused(scope, challenge, sent) {
      learned = undefined
      // What fails here fails again with the next request, which says why.
      authorization.answer(scope, challenge, sent).catch(() => undefined)
    },
  }
}
