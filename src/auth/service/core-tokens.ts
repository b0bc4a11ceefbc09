// Tokens for a core that has a token login of its own and trusts our key: one for what each request does.
import { parseScopes } from '../../oci/scope.ts'
import { formatAccessClaim } from '../access-claim.ts'
import { signToken } from './sign-token.ts'
import type { TokenKeys } from './token-keys.ts'

/** Whom the core finds in its log: clients are the gateway's business. */
const SUBJECT = 'dockgate'
const LIFE_SECONDS = 300

export interface CoreTokensOptions {
  readonly keys: TokenKeys
  /** The core's `auth.token.issuer`. */
  readonly issuer: string
  /** The core's `auth.token.service`. */
  readonly service: string
}

export class CoreTokens {
  readonly #options: CoreTokensOptions

  constructor(options: CoreTokensOptions) {
    this.#options = options
  }

  /** A token for the scopes, several of which are separated by spaces. It allows no other repository and no other action. */
  async mint(scope: string): Promise<{ token: string; expiresInSeconds: number }> {
    const { keys, issuer, service } = this.#options
    const claims = { access: formatAccessClaim(parseScopes([scope])) }
    return signToken(keys.current, { issuer, service, subject: SUBJECT, claims, lifeSeconds: LIFE_SECONDS })
  }
}
