// Verifies our own tokens: their algorithm, signature, issuer, audience and times, and that the account is what it was.
import { jwtVerify, type JWTPayload } from 'jose'
import type { Identity } from '../access/identity.ts'
import { parseAccessClaim } from './access-claim.ts'
import { AccountFingerprints, type Accounts } from './account-fingerprint.ts'
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
  /** A token of an account that is gone, or has another password than when it was issued, is refused. */
  readonly accounts: Accounts
}

/** Answers at once for a token that was verified before, until it expires or its account changes. */
export class TokenVerifier implements Authenticator {
  readonly #options: TokenVerifierOptions
  readonly #fingerprints: AccountFingerprints
  readonly #verified = new VerifiedCredentials()

  constructor(options: TokenVerifierOptions) {
    this.#options = options
    this.#fingerprints = new AccountFingerprints(options.key)
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
      stillHolds: name === undefined ? () => true : this.#tieTo(name, claims['account']),
    }
  }

  /** Finds the account as it was when the token was issued; answers whether it still is. */
  #tieTo(name: string, claim: unknown): () => boolean {
    const { accounts } = this.#options
    const entry = accounts.get(name)
    if (!entry || !this.#fingerprints.matches(claim, entry))
      throw new InvalidCredentialError('the account has changed or does not exist')
    // Neither of the two comes from a client, so their comparison may end early.
    return () => accounts.get(name)?.hash === entry.hash
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
