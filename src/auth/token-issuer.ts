// Issues the tokens of the Bearer scheme: who is asking, and a ceiling of scopes.
import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import type { Scope } from '../oci/scope.ts'
import { formatAccessClaim } from './access-claim.ts'
import { AccountFingerprints, type Accounts } from './account-fingerprint.ts'
import { InvalidCredentialError } from './authenticator.ts'
import type { TokenKey } from './token-key.ts'

export const TOKEN_ALGORITHM = 'ES256'

export interface TokenIssuerOptions {
  readonly key: TokenKey
  /** The `iss` claim. */
  readonly issuer: string
  /** The `aud` claim: the service that challenges name. */
  readonly service: string
  /** A token is tied to its account's entry of now. */
  readonly accounts: Accounts
  /** Default 300. Clients take anything below 60 for 60. */
  readonly lifeSeconds?: number | undefined
}

export interface TokenRequest {
  /** The account's name; undefined for a token of `$anonymous`. */
  readonly subject: string | undefined
  /** What the token is limited to. Grants still decide at every use. */
  readonly scopes: readonly Scope[]
  /** Default now. */
  readonly now?: Date
}

export interface IssuedToken {
  readonly token: string
  readonly issuedAt: Date
  readonly expiresInSeconds: number
}

export class TokenIssuer {
  readonly #options: TokenIssuerOptions
  readonly #fingerprints: AccountFingerprints

  constructor(options: TokenIssuerOptions) {
    this.#options = options
    this.#fingerprints = new AccountFingerprints(options.key)
  }

  /** Rejects with {@link InvalidCredentialError} when the account is gone. */
  async issue({ subject, scopes, now = new Date() }: TokenRequest): Promise<IssuedToken> {
    const { key, issuer, service, lifeSeconds = 300 } = this.#options
    const issuedAtSeconds = Math.floor(now.getTime() / 1000)
    const claims = { access: formatAccessClaim(scopes), ...this.#accountClaim(subject) }
    const token = await new SignJWT(claims)
      .setProtectedHeader({ typ: 'JWT', alg: TOKEN_ALGORITHM, kid: key.kid })
      .setIssuer(issuer)
      .setSubject(subject ?? '')
      .setAudience(service)
      .setIssuedAt(issuedAtSeconds)
      .setNotBefore(issuedAtSeconds)
      .setExpirationTime(issuedAtSeconds + lifeSeconds)
      .setJti(randomUUID())
      .sign(key.privateKey)
    return { token, issuedAt: new Date(issuedAtSeconds * 1000), expiresInSeconds: lifeSeconds }
  }

  #accountClaim(subject: string | undefined): { account?: string } {
    if (subject === undefined) return {}
    const entry = this.#options.accounts.get(subject)
    if (!entry) throw new InvalidCredentialError('the account does not exist any more')
    return { account: this.#fingerprints.of(entry) }
  }
}
