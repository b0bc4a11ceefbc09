// Bearer tokens of several issuers: the `iss` claim, which is not believed yet, decides who verifies one.
import { decodeJwt } from 'jose'
import { InvalidCredentialError, type Authenticator } from '../authenticator.ts'
import type { ExternalTokens } from './external-tokens.ts'

/** `own` is asked about every token that says nothing of another issuer; without it those are refused. */
export function bearerTokens(
  own: Authenticator | undefined,
  external: readonly ExternalTokens[],
): Authenticator {
  const byIssuer = new Map(external.map((tokens) => [tokens.issuer, tokens]))
  return {
    authenticate(authorization, source) {
      const verifier = byIssuer.get(issuerOf(authorization ?? '')) ?? own
      if (!verifier) throw new InvalidCredentialError('the token is of an unknown issuer')
      return verifier.authenticate(authorization, source)
    },
  }
}

function issuerOf(authorization: string): string {
  try {
    return decodeJwt(authorization.slice(authorization.lastIndexOf(' ') + 1)).iss ?? ''
  } catch {
    return ''
  }
}
