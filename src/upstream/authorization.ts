// From challenge to `Authorization`: which login an upstream wants for a scope, learned from its 401s.
import { LRUCache } from 'lru-cache'
import { parseChallenges, type Challenge } from '../oci/challenge.ts'
import { UpstreamUnauthorizedError } from './errors.ts'
import { allowedRealm } from './realm.ts'
import { basicAuthorization, type Credentials, type TokenRequest, type TokenSource } from './token-source.ts'

export interface Authorization {
  /** The header for `scope` as far as it is known; undefined sends the request without. */
  current(scope: string): Promise<string | undefined>
  /**
   * The header that answers a 401's `WWW-Authenticate`; `refused` is the one that was sent.
   * Rejects with {@link UpstreamUnauthorizedError} when no challenge can be answered.
   */
  answer(scope: string, header: string | undefined, refused: string | undefined): Promise<string>
}

type Login =
  | { readonly kind: 'basic'; readonly header: string }
  | { readonly kind: 'bearer'; readonly request: TokenRequest }

const MAX_SCOPES = 2_000

export function createAuthorization(options: {
  upstream: URL
  tokens: TokenSource
  credentials?: Credentials
  allowedRealms: readonly string[]
}): Authorization {
  const { upstream, tokens, credentials, allowedRealms } = options
  const logins = new LRUCache<string, Login>({ max: MAX_SCOPES })

  function basicLogin(): Login | undefined {
    return credentials && { kind: 'basic', header: basicAuthorization(credentials) }
  }

  function bearerLogin(challenge: Challenge, scope: string): Login {
    const named = challenge.parameters.get('realm') ?? ''
    const realm = allowedRealm(named, upstream, allowedRealms)
    if (realm === undefined)
      throw new UpstreamUnauthorizedError(
        `${upstream.host} sends its clients to a token service that is not allowed: ${hostOf(named)}`,
      )
    const service = challenge.parameters.get('service')
    return { kind: 'bearer', request: { realm, service, scope: challenge.parameters.get('scope') ?? scope } }
  }

  function loginFor(challenges: readonly Challenge[], scope: string): Login | undefined {
    const bearer = challenges.find((challenge) => challenge.scheme === 'bearer')
    if (bearer) return bearerLogin(bearer, scope)
    return challenges.some((challenge) => challenge.scheme === 'basic') ? basicLogin() : undefined
  }

  async function headerOf(login: Login): Promise<string> {
    return login.kind === 'basic' ? login.header : `Bearer ${await tokens.get(login.request)}`
  }

  return {
    async current(scope) {
      const login = logins.get(scope)
      if (login === undefined) return undefined
      try {
        return await headerOf(login)
      } catch {
        // The upstream may have stopped asking for tokens, or moved its realm: ask without, and learn again.
        logins.delete(scope)
        return undefined
      }
    },
    async answer(scope, header, refused) {
      const login = loginFor(parseChallenges(header ?? ''), scope)
      if (login === undefined)
        throw new UpstreamUnauthorizedError(`${upstream.host} wants a login, and none is configured for it`)
      if (login.kind === 'bearer' && refused?.startsWith('Bearer '))
        tokens.forget(login.request, refused.slice(7))
      const answer = await headerOf(login)
      if (answer === refused)
        throw new UpstreamUnauthorizedError(`${upstream.host} refuses the configured login`)
      logins.set(scope, login)
      return answer
    },
  }
}

function hostOf(realm: string): string {
  return URL.canParse(realm) ? new URL(realm).host : 'no URL'
}
