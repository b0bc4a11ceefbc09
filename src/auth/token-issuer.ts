// Issues the tokens of the Bearer scheme: who is asking, and a ceiling of scopes.
import type { Identity } from '../access/identity.ts'
import type { Scope } from '../oci/scope.ts'
import { formatAccessClaim } from './access-claim.ts'
import { formatAccountClaim, type AccountClaim } from './account-claim.ts'
import { InvalidCredentialError } from './authenticator.ts'
import type { Accounts } from './login-backend.ts'
import { signToken, type IssuedToken } from './service/sign-token.ts'
import type { KnownKey, TokenKeys } from './service/token-keys.ts'

export interface TokenIssuerOptions {
  readonly keys: TokenKeys
  /** The `iss` claim. */
  readonly issuer: string
  /** The `aud` claim: the service that challenges name. */
  readonly service: string
  /** A token is tied to its account as it is now. */
  readonly accounts: Accounts
  /** Default 300. Clients take anything below 60 for 60. */
  readonly lifeSeconds?: number | undefined
}

export interface TokenRequest {
  /** Who it is for; one without a name gets a token of `$anonymous`. */
  readonly identity: Identity
  /** What the token is limited to. Grants still decide at every use. */
  readonly scopes: readonly Scope[]
  /** Default now. */
  readonly now?: Date
}

export class TokenIssuer {
  readonly #options: TokenIssuerOptions

  constructor(options: TokenIssuerOptions) {
    this.#options = options
  }

  /** Rejects with {@link InvalidCredentialError} when the account is gone. */
  async issue({ identity, scopes, now }: TokenRequest): Promise<IssuedToken> {
    const { keys, issuer, service, lifeSeconds = 300 } = this.#options
    const key = keys.current
    const claims = { access: formatAccessClaim(scopes), ...this.#accountClaim(identity, key) }
    return signToken(key, { issuer, service, subject: identity.name ?? '', claims, lifeSeconds, now })
  }

  #accountClaim({ name, account, groups }: Identity, key: KnownKey): { account?: AccountClaim } {
    if (name === undefined) return {}
    const state = account && this.#options.accounts.stateOf(account)
    if (!account || state === undefined)
      throw new InvalidCredentialError('the account does not exist any more')
    const fingerprint = key.fingerprints.of(account, state)
    return { account: formatAccountClaim({ account, groups, fingerprint }) }
  }
}
