// Verifies our own tokens: their algorithm, signature, issuer, audience and times, and that the account is what it was.
import { decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose'
import { ScopesCeiling } from '../access/ceiling.ts'
import type { Identity } from '../access/identity.ts'
import { parseAccessClaim } from './access-claim.ts'
import { parseAccountClaim, type AccountTie } from './account-claim.ts'
import { InvalidCredentialError, type Authenticator } from './authenticator.ts'
import type { Accounts } from './login-backend.ts'
import { TOKEN_ALGORITHM } from './service/sign-token.ts'
import type { KnownKey, TokenKeys } from './service/token-keys.ts'
import { VerifiedCredentials, type Verdict } from './verified-credentials.ts'

/** For nodes whose clocks differ. */
const LEEWAY_SECONDS = 10

export interface TokenVerifierOptions {
  readonly keys: TokenKeys
  readonly issuer: string
  readonly service: string
  /** A token of an account that is gone, or has another password than when it was issued, is refused. */
  readonly accounts: Accounts
}

/** Answers at once for a token that was verified before, until it expires or its account changes. */
export class TokenVerifier implements Authenticator {
  readonly #options: TokenVerifierOptions
  readonly #verified = new VerifiedCredentials()

  constructor(options: TokenVerifierOptions) {
    this.#options = options
  }

  authenticate(authorization = ''): Identity | Promise<Identity> {
    return this.#verified.identify(authorization, () => this.#decide(authorization))
  }

  async #decide(authorization: string): Promise<Verdict> {
    const token = /^bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization)?.[1]
    if (token === undefined) throw new InvalidCredentialError('the token is not a token of this service')
    const { claims, key } = await this.#read(token)
    const scopes = parseAccessClaim(claims['access'])
    if (claims.exp === undefined || claims.sub === undefined || scopes === undefined)
      throw new InvalidCredentialError('the token is not a token of this service')
    const ceiling = new ScopesCeiling(scopes)
    const lifeMs = claims.exp * 1000 - Date.now()
    const isKeyKnown = (): boolean => this.#options.keys.find(key.kid) !== undefined
    if (claims.sub === '')
      return { identity: { name: undefined, method: 'bearer', ceiling }, lifeMs, stillHolds: isKeyKnown }
    const tie = parseAccountClaim(claims['account'])
    if (!tie) throw new InvalidCredentialError('the token is tied to no account')
    const isUnchanged = await this.#tieTo(tie, key)
    const { account, groups } = tie
    const identity: Identity = {
      name: claims.sub,
      method: 'bearer',
      account,
      ceiling,
      ...(groups && { groups }),
    }
    return { identity, lifeMs, stillHolds: () => isUnchanged() && isKeyKnown() }
  }

  /** Finds the account as it was when the token was issued; answers whether it still is. */
  async #tieTo({ account, fingerprint }: AccountTie, key: KnownKey): Promise<() => boolean> {
    const { accounts } = this.#options
    const stateThen = (): string | undefined => {
      const state = accounts.stateOf(account)
      return state !== undefined && key.fingerprints.matches(fingerprint, account, state) ? state : undefined
    }
    let state = stateThen()
    if (state === undefined) {
      // The token is one of ours: who issued it may know the account better.
      await accounts.catchUp?.(account)
      state = stateThen()
    }
    if (state === undefined) throw new InvalidCredentialError('the account has changed or does not exist')
    // Neither of the two comes from a client, so their comparison may end early.
    return () => accounts.stateOf(account) === state
  }

  async #read(token: string): Promise<{ claims: JWTPayload; key: KnownKey }> {
    const { keys, issuer, service } = this.#options
    try {
      const key = keys.find(decodeProtectedHeader(token).kid)
      if (!key) throw new TypeError('the token is signed with no key of ours')
      const { payload } = await jwtVerify(token, key.publicKey, {
        // Pinned: a token must not choose how it is checked.
        algorithms: [TOKEN_ALGORITHM],
        typ: 'JWT',
        issuer,
        audience: service,
        clockTolerance: LEEWAY_SECONDS,
        requiredClaims: ['exp', 'nbf', 'iat', 'sub', 'access'],
      })
      return { claims: payload, key }
    } catch (cause) {
      throw new InvalidCredentialError('the token is not valid', { cause })
    }
  }
}
