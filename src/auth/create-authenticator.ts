// Builds what answers "who is it?": the scheme of the `Authorization` header decides who is asked.
import { ANONYMOUS, type Identity } from '../access/identity.ts'
import { InvalidCredentialError, type Authenticator, type Source } from './authenticator.ts'
import { BasicAuthenticator } from './basic-authenticator.ts'
import { bearerTokens } from './external/bearer-tokens.ts'
import type { ExternalTokens } from './external/external-tokens.ts'
import type { LenientHosts } from './lenient-hosts.ts'
import { accountsOf, type LoginBackend } from './login-backend.ts'
import { LoginChain } from './login-chain.ts'
import { LoginThrottle, type LoginThrottleOptions } from './login-throttle.ts'
import { Realms } from './realms.ts'
import { TokenVerifier, type TokenVerifierOptions } from './token-verifier.ts'

/** Longer headers are refused unread; no token that is issued here comes near. */
export const MAX_AUTHORIZATION_LENGTH = 8 * 1024

/** Neither a name nor a password: what podman, buildah and skopeo answer a Basic challenge with when they have no login. */
const BASIC_OF_NOBODY = 'Basic Og=='

export interface AuthenticatorOptions {
  /** Asked in turn. Without any there is nobody to be: every caller is anonymous, whatever is presented. */
  readonly backends: readonly LoginBackend[]
  /** Accepts Bearer tokens; Basic credentials are accepted in any case. */
  readonly token?: Omit<TokenVerifierOptions, 'accounts'> | undefined
  /** How failed logins are slowed down; undefined: not at all. */
  readonly throttle?: LoginThrottleOptions | undefined
  /** Where logins that nobody here knows are no failure. Default nowhere. */
  readonly lenientHosts?: LenientHosts | undefined
  /** Token servers elsewhere whose tokens are accepted. */
  readonly externalTokens?: readonly ExternalTokens[] | undefined
}

export function createAuthenticator(options: AuthenticatorOptions): Authenticator {
  const { backends, token, throttle, lenientHosts, externalTokens = [] } = options
  if (backends.length === 0 && externalTokens.length === 0) return { authenticate: () => ANONYMOUS }
  const realms = new Realms(backends)
  const chain = new LoginChain(backends)
  const logins = throttle ? new LoginThrottle(chain, throttle) : chain
  const schemes = new Map<string, Authenticator>()
  const basic = new BasicAuthenticator({ logins, keyAt: (place) => realms.keyAt(place) })
  schemes.set('basic', lenientHosts?.around(basic) ?? basic)
  const own = token && confined(new TokenVerifier({ ...token, accounts: accountsOf(backends) }), realms)
  const bearer = externalTokens.length === 0 ? own : bearerTokens(own, externalTokens)
  if (bearer) schemes.set('bearer', bearer)
  return {
    authenticate(authorization, source) {
      if (authorization === undefined || authorization === BASIC_OF_NOBODY) return ANONYMOUS
      const authenticator = schemes.get(schemeOf(authorization))
      if (!authenticator || authorization.length > MAX_AUTHORIZATION_LENGTH)
        throw new InvalidCredentialError('the Authorization header is of an unknown scheme, or too long')
      return authenticator.authenticate(authorization, source)
    },
  }
}

/** A token is good where its account exists, at every use. */
function confined(verifier: TokenVerifier, realms: Realms): Authenticator {
  const confine = (identity: Identity, source: Source = {}) => realms.confine(identity, source)
  return {
    authenticate(authorization, source) {
      const found = verifier.authenticate(authorization)
      return found instanceof Promise
        ? found.then((identity) => confine(identity, source))
        : confine(found, source)
    },
  }
}

function schemeOf(authorization: string): string {
  const space = authorization.indexOf(' ')
  // No scheme is long; this keeps a header without a space from being copied in lower case.
  return space > 16 ? '' : authorization.slice(0, Math.max(space, 0)).toLowerCase()
}
