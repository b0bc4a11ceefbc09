// ID tokens of other issuers as passwords: a CI job or a pod logs in with what its platform gave it.
import { decodeJwt, errors, jwtVerify, type JWTPayload } from 'jose'
import { InvalidCredentialError } from '../authenticator.ts'
import { isJwtText } from '../jwt-text.ts'
import { BackendUnavailableError, type Login, type LoginBackend } from '../login-backend.ts'
import type { Verdict } from '../verified-credentials.ts'
import { IssuerKeys, type IssuerKeysOptions } from './issuer-keys.ts'
import { OidcRule, type OidcRuleOptions } from './oidc-rule.ts'

/** Rules of one issuer agree on where its keys are: those of the first count. */
export interface OidcRuleConfig
  extends OidcRuleOptions, Pick<IssuerKeysOptions, 'jwksUrl' | 'jwksFile' | 'caFile'> {}

export interface OidcBackendOptions {
  readonly rules: readonly OidcRuleConfig[]
  /** Which groups are worth keeping: tokens carry them. Default all. */
  readonly keepsGroup?: ((group: string) => boolean) | undefined
  /** Told when the keys of an issuer can not be had. */
  readonly onDown?: IssuerKeysOptions['onDown']
}

/** What is signed by asymmetric keys: `none` and secrets that both sides know are out (RFC 8725 §3.1). */
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ')
const MAX_LIFE_MS = 5 * 60_000
const LEEWAY_SECONDS = 10

interface Issuer {
  readonly keys: IssuerKeys
  readonly rules: readonly OidcRule[]
}

export class OidcBackend implements LoginBackend {
  readonly name = 'oidc'
  readonly #options: OidcBackendOptions
  #issuers: ReadonlyMap<string, Issuer> = new Map()
  #ruleIds: ReadonlySet<string> = new Set()
  /** By issuer and where its keys are: new rules do not forget keys. */
  #keys = new Map<string, IssuerKeys>()

  constructor(options: OidcBackendOptions) {
    this.#options = options
    this.replaceRules(options.rules)
  }

  /** From now on these rules hold. What was let in by one that is gone, or has changed, is refused. */
  replaceRules(configs: readonly OidcRuleConfig[]): void {
    const issuers = new Map<string, { keys: IssuerKeys; rules: OidcRule[] }>()
    const keys = new Map<string, IssuerKeys>()
    for (const config of configs) {
      const issuer = issuers.get(config.issuer) ?? { keys: this.#keysOf(config, keys), rules: [] }
      issuer.rules.push(new OidcRule(config))
      issuers.set(config.issuer, issuer)
    }
    this.#keys = keys
    this.#issuers = issuers
    this.#ruleIds = new Set([...issuers.values()].flatMap(({ rules }) => rules.map(({ id }) => id)))
  }

  /** The user name does not count: the token says who it is. */
  async check({ password }: Login): Promise<Verdict | undefined> {
    const issuer = this.#issuers.get(issuerOf(password) ?? '')
    if (!issuer) return undefined
    const claims = await verify(password, issuer.keys)
    for (const rule of issuer.rules) {
      const caller = rule.callerOf(claims)
      if (caller) return this.#verdict(rule, caller, claims)
    }
    throw new InvalidCredentialError('no rule lets this ID token in')
  }

  /** Constant as long as the rule stands as it is. */
  stateOf(key: string): string | undefined {
    const id = key.slice(0, key.indexOf('/'))
    return this.#ruleIds.has(id) ? id : undefined
  }

  #verdict(
    rule: OidcRule,
    { name, groups }: ReturnType<OidcRule['callerOf']> & object,
    { exp = 0 }: JWTPayload,
  ): Verdict {
    const key = `${rule.id}/${name}`
    const { keepsGroup = () => true } = this.#options
    return {
      identity: {
        name,
        method: 'basic',
        account: { backend: this.name, key },
        groups: groups.filter(keepsGroup),
      },
      lifeMs: Math.min(exp * 1000 - Date.now(), MAX_LIFE_MS),
      stillHolds: () => this.stateOf(key) !== undefined,
    }
  }

  #keysOf({ issuer, jwksUrl, jwksFile, caFile }: OidcRuleConfig, kept: Map<string, IssuerKeys>): IssuerKeys {
    const source = JSON.stringify([issuer, jwksUrl, jwksFile, caFile])
    const { onDown } = this.#options
    const keys = this.#keys.get(source) ?? new IssuerKeys({ issuer, jwksUrl, jwksFile, caFile, onDown })
    kept.set(source, keys)
    return keys
  }
}

/** The issuer that something in the form of a JWT claims to come from; not verified. */
function issuerOf(password: string): string | undefined {
  if (!isJwtText(password)) return undefined
  try {
    return decodeJwt(password).iss
  } catch {
    return undefined
  }
}

async function verify(token: string, keys: IssuerKeys): Promise<JWTPayload> {
  try {
    const { payload, protectedHeader } = await jwtVerify(token, keys.find, {
      algorithms: ALGORITHMS,
      clockTolerance: LEEWAY_SECONDS,
      requiredClaims: ['iss', 'aud', 'exp'],
    })
    // An access token, or what says that somebody logged out, is no proof of identity (RFC 8725 §3.11).
    if (!/^jwt$/i.test(protectedHeader.typ ?? 'JWT'))
      throw new InvalidCredentialError('it is not an ID token')
    return payload
  } catch (cause) {
    // It names its issuer: nobody else is to be shown it.
    if (cause instanceof BackendUnavailableError)
      throw new BackendUnavailableError(cause.message, { isFinal: true, cause })
    const isAboutToken = cause instanceof errors.JOSEError || cause instanceof TypeError
    if (!isAboutToken) throw cause
    throw new InvalidCredentialError('the ID token is not valid', { cause })
  }
}
