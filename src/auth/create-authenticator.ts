// Builds what answers "who is it?": the scheme of the `Authorization` header decides who is asked.
import { ANONYMOUS, type Identity } from '../access/identity.ts'
import { InvalidCredentialError, type Authenticator } from './authenticator.ts'
import { BasicAuthenticator, type Passwords } from './basic-authenticator.ts'
import { PasswordVerifier } from './password-verifier.ts'
import type { HashQueueOptions } from './hash-queue.ts'
import { TokenVerifier, type TokenVerifierOptions } from './token-verifier.ts'

/** Longer headers are refused unread; no token that is issued here comes near. */
export const MAX_AUTHORIZATION_LENGTH = 8 * 1024

export interface AuthenticatorOptions {
  /** The accounts. Without them there is nobody to be: every caller is anonymous, whatever is presented. */
  readonly passwords?: Passwords | undefined
  /** Accepts Bearer tokens; Basic credentials are accepted in any case. */
  readonly token?: Omit<TokenVerifierOptions, 'accounts'> | undefined
  /** How many password hashes are computed at once, and how many may wait. */
  readonly hashing?: HashQueueOptions
}

/** The authenticator, to be closed; the caller closes what it passed in. */
export type ClosableAuthenticator = Authenticator & { close(): Promise<void> }

interface SchemeAuthenticator {
  authenticate(authorization: string, source?: string): Identity | Promise<Identity>
}

export function createAuthenticator({
  passwords,
  token,
  hashing,
}: AuthenticatorOptions): ClosableAuthenticator {
  if (!passwords) return { authenticate: () => ANONYMOUS, close: () => Promise.resolve() }
  const verifier = new PasswordVerifier(hashing)
  const schemes = new Map<string, SchemeAuthenticator>()
  schemes.set('basic', new BasicAuthenticator({ passwords, verifier }))
  if (token) schemes.set('bearer', new TokenVerifier({ ...token, accounts: passwords }))
  return {
    authenticate(authorization, source) {
      if (authorization === undefined) return ANONYMOUS
      const authenticator = schemes.get(schemeOf(authorization))
      if (!authenticator || authorization.length > MAX_AUTHORIZATION_LENGTH)
        throw new InvalidCredentialError('the Authorization header is of an unknown scheme, or too long')
      return authenticator.authenticate(authorization, source)
    },
    close: () => verifier.close(),
  }
}

function schemeOf(authorization: string): string {
  const space = authorization.indexOf(' ')
  // No scheme is long; this keeps a header without a space from being copied in lower case.
  return space > 16 ? '' : authorization.slice(0, Math.max(space, 0)).toLowerCase()
}
