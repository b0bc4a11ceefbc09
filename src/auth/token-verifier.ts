// Verifies our own tokens: their algorithm, signature, issuer, audience and times, and that the account is still there.
import { jwtVerify, type JWTPayload } from 'jose'
import type { Identity } from '../access/identity.ts'
import { parseAccessClaim } from './access-claim.ts'
import { InvalidCredentialError, type Authenticator } from './authenticator.ts'
import { TOKEN_ALGORITHM } from './token-issuer.ts'
import type { TokenKey } from './token-key.ts'
import { VerifiedCredentials, type Verdict } from './verified-credentials.ts'

/** For nodes whose clocks differ. */
const LEEWAY_SECONDS = 10

export interface TokenVerifierOptions {
  readonly key: TokenKey
  readonly issuer: string
  readonly service: string
  /** The accounts of now: a token of one that is gone is refused. */
  readonly accounts: { has(name: string): boolean }
}

/** Answers at once for a token that was verified before, until it expires. */
export class TokenVerifier implements Authenticator {
  readonly #options: TokenVerifierOptions
  readonly #verified = new VerifiedCredentials()

  constructor(options: TokenVerifierOptions) {
    this.#options = options
  }

  authenticate(authorization: string): Identity | Promise<Identity> {
    return this.#verified.identify(authorization, () => this.#decide(authorization))
  }

  async #decide(authorization: string): Promise<Verdict> {
    const token = /^bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization)?.[1]
    const claims = token === undefined ? undefined : await this.#readClaims(token)
    const ceiling = parseAccessClaim(claims?.['access'])
    if (claims?.exp === undefined || claims.sub === undefined || ceiling === undefined)
      throw new InvalidCredentialError('the token is not a token of this service')
    const name = claims.sub === '' ? undefined : claims.sub
    return {
      identity: { name, method: 'bearer', ceiling },
      lifeMs: claims.exp * 1000 - Date.now(),
      stillHolds: () => name === undefined || this.#options.accounts.has(name),
    }
  }

  async #readClaims(token: string): Promise<JWTPayload | undefined> {
    const { key, issuer, service } = this.#options
    try {
      const { payload } = await jwtVerify(token, key.publicKey, {
        // Pinned: a token must not choose how it is checked.
        algorithms: [TOKEN_ALGORITHM],
        typ: 'JWT',
        issuer,
        audience: service,
        clockTolerance: LEEWAY_SECONDS,
        requiredClaims: ['exp', 'nbf', 'iat', 'sub', 'access'],
      })
      return payload
    } catch (cause) {
      throw new InvalidCredentialError('the token is not valid', { cause })
    }
  }
}
