// A rule about ID tokens: which ones it lets in, and as whom.
import { createHash } from 'node:crypto'
import type { JWTPayload } from 'jose'
import { Glob } from '../../access/patterns.ts'
import { foreignGroups, foreignName } from '../foreign-names.ts'

/** One rule as it is written down. */
export interface OidcRuleOptions {
  /** The `iss` claim, exactly. */
  readonly issuer: string
  /** One of these must be in the `aud` claim. */
  readonly audience: readonly string[]
  /** `'ci/${repository}'`, or the name of a claim; default `sub`. */
  readonly name?: string | undefined
  /** By claim, patterns of which one must match: `*` stands for any text without a slash, `**` for any text. */
  readonly when?: Readonly<Record<string, readonly string[]>> | undefined
  /** Groups of everybody who comes by this rule; called `oidc:NAME` here. */
  readonly groups?: readonly string[] | undefined
  /** A claim that lists further ones. */
  readonly groupsClaim?: string | undefined
}

export interface OidcCaller {
  readonly name: string
  readonly groups: readonly string[]
}

const SOURCE = 'oidc:'
const PLACEHOLDER = /\$\{([^{}]+)\}/g
/** No claim that a condition speaks of is longer. */
const MAX_CLAIM_LENGTH = 1024

export class OidcRule {
  /** Changes with the rule. */
  readonly id: string
  readonly #options: OidcRuleOptions
  readonly #template: string
  readonly #conditions: readonly (readonly [claim: string, patterns: readonly Glob[]])[]

  constructor(options: OidcRuleOptions) {
    this.id = createHash('sha256').update(JSON.stringify(options)).digest('base64url').slice(0, 22)
    this.#options = options
    const { name = 'sub', when = {} } = options
    this.#template = name.includes('${') ? name : `\${${name}}`
    this.#conditions = Object.entries(when).map(([claim, patterns]) => [
      claim,
      patterns.map((pattern) => new Glob(pattern)),
    ])
  }

  /** Who the verified claims speak of; undefined when this rule does not let them in. */
  callerOf(claims: JWTPayload): OidcCaller | undefined {
    const audience = textsOf(claims.aud)
    if (!this.#options.audience.some((accepted) => audience.includes(accepted))) return undefined
    if (!this.#conditions.every(([claim, patterns]) => matches(claims, claim, patterns))) return undefined
    const name = fill(this.#template, claims)
    const whole = name === undefined ? undefined : foreignName(SOURCE, name)
    return whole === undefined ? undefined : { name: whole, groups: this.#groupsOf(claims) }
  }

  #groupsOf(claims: JWTPayload): readonly string[] {
    const { groups = [], groupsClaim } = this.#options
    const claimed = groupsClaim === undefined ? [] : textsOf(valueOf(claims, groupsClaim))
    return foreignGroups(SOURCE, [...groups, ...claimed])
  }
}

function matches(claims: JWTPayload, claim: string, patterns: readonly Glob[]): boolean {
  return textsOf(valueOf(claims, claim)).some(
    (text) => text.length <= MAX_CLAIM_LENGTH && patterns.some((pattern) => pattern.matches(text)),
  )
}

/** Undefined when a claim is missing, or is not one text. */
function fill(template: string, claims: JWTPayload): string | undefined {
  let isWhole = true
  const filled = template.replace(PLACEHOLDER, (_, claim: string) => {
    const [text, ...more] = textsOf(valueOf(claims, claim))
    if (text === undefined || text === '' || more.length > 0) isWhole = false
    return text ?? ''
  })
  return isWhole ? filled : undefined
}

/** A claim by its name, or by the way to it: `kubernetes.io.namespace` means `claims['kubernetes.io'].namespace`, too. */
function valueOf(claims: object, path: string): unknown {
  const own = (from: object, key: string): unknown =>
    Object.hasOwn(from, key) ? Reflect.get(from, key) : undefined
  const direct = own(claims, path)
  if (direct !== undefined) return direct
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const inner = own(claims, path.slice(0, dot))
    if (typeof inner === 'object' && inner !== null) return valueOf(inner, path.slice(dot + 1))
  }
  return undefined
}

function textsOf(value: unknown): string[] {
  const values: unknown[] = Array.isArray(value) ? value : [value]
  return values.flatMap((each) => {
    if (typeof each === 'string') return [each]
    return typeof each === 'number' || typeof each === 'boolean' ? [String(each)] : []
  })
}
