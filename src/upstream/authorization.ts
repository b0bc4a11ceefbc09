// From challenge to `Authorization`: which login an upstream wants for a scope, learned from its 401s.
import { LRUCache } from 'lru-cache'
import { parseChallenges, type Challenge } from '../oci/challenge.ts'
import { UpstreamUnauthorizedError } from './errors.ts'
import { basicAuthorization, type LoginSource } from './login/login-source.ts'
import { allowedRealm } from './realm.ts'
import type { TokenRequest, TokenSource } from './token-source.ts'

export interface Authorization {
  /** The header for `scope` as far as it is known; undefined sends the request without. */
  current(scope: string): Promise<string | undefined>
  /**
   * The header that answers a 401's `WWW-Authenticate`; `refused` is the one that was sent.
   * Rejects with {@link UpstreamUnauthorizedError} when no challenge can be answered.
   */
  answer(scope: string, header: string | undefined, refused: string | undefined): Promise<string>
  /** Another header than `refused`, which has expired although no challenge says so; undefined when there is none. */
  renewed(scope: string, refused: string): Promise<string | undefined>
}

type Scheme = { readonly kind: 'basic' } | { readonly kind: 'bearer'; readonly request: TokenRequest }

const MAX_SCOPES = 2_000

export function createAuthorization(options: {
  upstream: URL
  tokens: TokenSource
  login?: LoginSource | undefined
  allowedRealms: readonly string[]
}): Authorization {
  const { upstream, tokens, login, allowedRealms } = options
  const schemes = new LRUCache<string, Scheme>({ max: MAX_SCOPES })

  function bearer(challenge: Challenge, scope: string): Scheme {
    const named = challenge.parameters.get('realm') ?? ''
    const realm = allowedRealm(named, upstream, allowedRealms)
    if (realm === undefined)
      throw new UpstreamUnauthorizedError(
        `${upstream.host} sends its clients to a token service that is not allowed: ${hostOf(named)}`,
      )
    const service = challenge.parameters.get('service')
    return { kind: 'bearer', request: { realm, service, scope: challenge.parameters.get('scope') ?? scope } }
  }

  function schemeFor(challenges: readonly Challenge[], scope: string): Scheme | undefined {
    const challenge = challenges.find(({ scheme }) => scheme === 'bearer')
    if (challenge) return bearer(challenge, scope)
    return login && challenges.some(({ scheme }) => scheme === 'basic') ? { kind: 'basic' } : undefined
  }

  async function basicHeader(): Promise<string> {
    const known = await login?.current()
    if (known?.kind === 'password') return basicAuthorization(known)
    throw new UpstreamUnauthorizedError(`${upstream.host} wants a password, and there is none for it`)
  }

  async function headerOf(scheme: Scheme): Promise<string> {
    return scheme.kind === 'basic' ? basicHeader() : `Bearer ${await tokens.get(scheme.request)}`
  }

  /** The header for `scheme`, looked up anew when it is still the one that was refused. */
  async function headerAfter(scheme: Scheme, refused: string | undefined): Promise<string> {
    if (scheme.kind === 'bearer' && refused?.startsWith('Bearer '))
      tokens.forget(scheme.request, refused.slice(7))
    const header = await headerOf(scheme)
    if (scheme.kind === 'bearer' || header !== refused) return header
    login?.refused()
    return headerOf(scheme)
  }

  return {
    async current(scope) {
      const scheme = schemes.get(scope)
      if (scheme === undefined) return undefined
      try {
        return await headerOf(scheme)
      } catch {
        // The upstream may have stopped asking for tokens, or moved its realm: ask without, and learn again.
        schemes.delete(scope)
        return undefined
      }
    },
    async answer(scope, header, refused) {
      const scheme = schemeFor(parseChallenges(header ?? ''), scope)
      if (scheme === undefined)
        throw new UpstreamUnauthorizedError(`${upstream.host} wants a login, and none is configured for it`)
      const answer = await headerAfter(scheme, refused)
      if (answer === refused)
        throw new UpstreamUnauthorizedError(`${upstream.host} refuses the configured login`)
      schemes.set(scope, scheme)
      return answer
    },
    async renewed(scope, refused) {
      const scheme = schemes.get(scope)
      const header = scheme && (await headerAfter(scheme, refused))
      return header === refused ? undefined : header
    },
  }
}

function hostOf(realm: string): string {
  return URL.canParse(realm) ? new URL(realm).host : 'no URL'
}
