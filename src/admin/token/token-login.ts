// Who asks for a token: by an `Authorization` header, by a name and a password, or by a refresh token.
import type { Identity } from '../../access/identity.ts'
import { InvalidCredentialError, type Authenticator, type Source } from '../../auth/authenticator.ts'
import { formatBasicCredentials } from '../../auth/basic-credentials.ts'
import type { LenientHosts } from '../../auth/lenient-hosts.ts'
import { badRequest, type Proof } from './token-question.ts'

/** See {@link RefreshTokens}. */
export interface RefreshTokenService {
  issue(identity: Identity): Promise<string | undefined>
  isOurs(token: string): boolean
  redeem(token: string, source: Source): Promise<Identity>
}

export interface TokenLoginOptions {
  readonly authenticator: Authenticator
  /** Undefined: none are given, and none are taken. */
  readonly refreshTokens?: RefreshTokenService | undefined
  /** Hosts whose clients send what they use elsewhere. Default none. */
  readonly lenientHosts?: LenientHosts | undefined
}

/** Rejects as the authenticator and the refresh tokens do. */
export async function identify(options: TokenLoginOptions, proof: Proof, source: Source): Promise<Identity> {
  if (proof.kind === 'refresh-token') return redeem(options, proof.token, source)
  // Such a form is no anonymous request, as the header that says the same is.
  if (proof.kind === 'password' && proof.name === '')
    throw new InvalidCredentialError('the form names nobody')
  const header = proof.kind === 'header' ? proof.authorization : formatBasicCredentials(proof)
  if (header === undefined && proof.kind === 'password')
    throw new InvalidCredentialError('a name holds no colon, and is not empty')
  const identity = await options.authenticator.authenticate(header, source)
  // Otherwise a token that leaked could be renewed for ever.
  if (identity.method === 'bearer') throw new InvalidCredentialError('a token does not buy another one')
  return identity
}

function redeem(
  { refreshTokens, lenientHosts }: TokenLoginOptions,
  token: string,
  source: Source,
): Promise<Identity> | Identity {
  const isOurs = refreshTokens?.isOurs(token) ?? false
  const stranger = isOurs ? undefined : lenientHosts?.strangerAt(source)
  if (stranger) return stranger
  if (!refreshTokens) throw badRequest('refresh tokens are not offered')
  return refreshTokens.redeem(token, source)
}
