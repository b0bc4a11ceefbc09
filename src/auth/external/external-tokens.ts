// Bearer tokens of a token server elsewhere, as registry:2 takes them with `auth: token`.
import { errors, jwtVerify, type JWTPayload, type JWTVerifyGetKey } from 'jose'
import { ScopesCeiling } from '../../access/ceiling.ts'
import type { Identity } from '../../access/identity.ts'
import { parseAccessClaim } from '../access-claim.ts'
import { InvalidCredentialError, type Authenticator } from '../authenticator.ts'
import { foreignName } from '../foreign-names.ts'
import { VerifiedCredentials, type Verdict } from '../verified-credentials.ts'

const EXTERNAL_ALGORITHMS = ['ES256', 'RS256', 'EdDSA'] as const

export interface ExternalTokensOptions {
  /** What the server's names are known by: its `bob` is `SOURCE:bob` here, and all are in the group `SOURCE:any`. */
  readonly source: string
  /** The `iss` claim. */
  readonly issuer: string
  /** The `aud` claim: what the server calls this registry. */
  readonly service: string
  /** Rejects with {@link BackendUnavailableError} when keys can not be had. */
  readonly findKey: JWTVerifyGetKey
  readonly algorithms?: readonly string[] | undefined
}

/** As registry:2 has it. */
const LEEWAY_SECONDS = 60
/** A key that is withdrawn ends its tokens after this at the latest. */
const MAX_VERDICT_MS = 5 * 60_000

/** The `access` claim is a ceiling, as it is in our own tokens: it grants nothing. */
export class ExternalTokens implements Authenticator {
  readonly issuer: string
  readonly #options: ExternalTokensOptions
  readonly #verified = new VerifiedCredentials()

  constructor(options: ExternalTokensOptions) {
    this.issuer = options.issuer
    this.#options = options
  }

  authenticate(authorization = ''): Identity | Promise<Identity> {
    return this.#verified.identify(authorization, () => this.#decide(authorization))
  }

  async #decide(authorization: string): Promise<Verdict> {
    const token = /^bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(authorization)?.[1]
    if (token === undefined) throw new InvalidCredentialError('the token is malformed')
    const { exp = 0, sub = '', ['access']: access = [] } = await this.#readClaims(token)
    // `*`: token servers write it for what they have no word for, such as delete; registry:2 takes it for everything.
    const scopes = parseAccessClaim(access, '*')
    if (!scopes) throw new InvalidCredentialError('the token has an access claim of another form')
    return {
      identity: { ...this.#who(sub), method: 'bearer', ceiling: new ScopesCeiling(scopes) },
      lifeMs: Math.min(exp * 1000 - Date.now(), MAX_VERDICT_MS),
      stillHolds: () => true,
    }
  }

  /** Nobody's token is good for what everybody may. */
  #who(subject: string): Pick<Identity, 'name' | 'groups'> {
    const { source } = this.#options
    if (subject === '') return { name: undefined }
    const name = foreignName(`${source}:`, subject)
    if (name === undefined) throw new InvalidCredentialError('the token names nobody who could be an account')
    return { name, groups: [`${source}:any`] }
  }

  async #readClaims(token: string): Promise<JWTPayload> {
    const { issuer, service, findKey, algorithms = EXTERNAL_ALGORITHMS } = this.#options
    try {
      const { payload } = await jwtVerify(token, findKey, {
        // Pinned: a token must not choose how it is checked.
        algorithms: [...algorithms],
        issuer,
        audience: service,
        clockTolerance: LEEWAY_SECONDS,
        requiredClaims: ['exp'],
      })
      return payload
    } catch (cause) {
      if (!(cause instanceof errors.JOSEError) && !(cause instanceof TypeError)) throw cause
      throw new InvalidCredentialError('the token is not valid', { cause })
    }
  }
}
