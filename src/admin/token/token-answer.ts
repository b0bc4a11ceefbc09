// The answer of the token endpoint: a token for what is granted of what was asked, and maybe a refresh token.
import { grantedScopes } from '../../access/granted-scopes.ts'
import type { Caller } from '../../access/caller.ts'
import type { Identity } from '../../access/identity.ts'
import type { Policy } from '../../access/policy.ts'
import { MAX_AUTHORIZATION_LENGTH } from '../../auth/create-authenticator.ts'
import { BackendUnavailableError } from '../../auth/login-backend.ts'
import type { IssuedToken } from '../../auth/service/sign-token.ts'
import type { TokenRequest } from '../../auth/token-issuer.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { formatScope, type Scope } from '../../oci/scope.ts'
import type { RefreshTokenService } from './token-login.ts'
import { badRequest, type TokenQuestion } from './token-question.ts'

export interface TokenAnswerOptions {
  readonly policy: Policy
  readonly issuer: { issue(request: TokenRequest): Promise<IssuedToken> }
  readonly refreshTokens?: RefreshTokenService | undefined
}

/** Who got a token, and for what. */
export interface TokenIssue {
  readonly identity: Identity
  /** What is left of the scopes that were asked for. */
  readonly scopes: readonly Scope[]
  /** Why there is no refresh token where one was asked for: the client goes on with its password. */
  readonly failure?: BackendUnavailableError
}

export interface TokenAnswer extends TokenIssue {
  /** The JSON of the answer. */
  readonly body: Readonly<Record<string, string | number>>
}

/** `canonicalName` is what a name in a scope means on the host that was asked; it throws for none. */
export async function answerQuestion(
  { policy, issuer, refreshTokens }: TokenAnswerOptions,
  { scopes: asked, wantsRefreshToken, isOauth }: TokenQuestion,
  caller: Caller,
  canonicalName: (name: RepositoryName) => RepositoryName,
): Promise<TokenAnswer> {
  const { identity } = caller
  const scopes = grantedScopes(
    policy,
    caller,
    asked.flatMap((scope) => renamed(scope, canonicalName)),
  )
  // Both are begun at once: tied to the account as it is a moment later, a refresh token would outlive the password.
  const [{ token, issuedAt, expiresInSeconds }, refresh] = await Promise.all([
    issuer.issue({ identity, scopes }),
    refreshFor(wantsRefreshToken ? refreshTokens : undefined, identity),
  ])
  if (`Bearer ${token}`.length > MAX_AUTHORIZATION_LENGTH)
    throw badRequest('a token can not hold scopes of that length; ask for fewer at once')
  const body = {
    // Older clients read `token`, OAuth2 clients `access_token`.
    token,
    access_token: token,
    ...(isOauth ? { token_type: 'Bearer', scope: scopes.map(formatScope).join(' ') } : {}),
    expires_in: expiresInSeconds,
    issued_at: issuedAt.toISOString(),
    ...(refresh.token === undefined ? {} : { refresh_token: refresh.token }),
  }
  return { identity, scopes, body, ...(refresh.failure && { failure: refresh.failure }) }
}

/** Nobody is kept out because a refresh token can not be kept. */
async function refreshFor(
  refreshTokens: RefreshTokenService | undefined,
  identity: Identity,
): Promise<{ token?: string | undefined; failure?: BackendUnavailableError }> {
  try {
    return { token: await refreshTokens?.issue(identity) }
  } catch (failure) {
    if (failure instanceof BackendUnavailableError) return { failure }
    throw failure
  }
}

/** A scope for a name that means nothing here asks for nothing. */
function renamed(scope: Scope, canonicalName: (name: RepositoryName) => RepositoryName): Scope[] {
  if (scope.type !== 'repository') return [scope]
  try {
    return [{ ...scope, name: canonicalName(scope.name) }]
  } catch {
    return []
  }
}
