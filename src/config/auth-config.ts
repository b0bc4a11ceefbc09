// The part of the configuration that says who somebody is: passwords, tokens, identities from elsewhere.

export interface AuthConfig {
  /** Asked in turn; without any, nobody has a password. */
  readonly htpasswd: readonly HtpasswdConfig[]
  /** Undefined: failed logins are not slowed down. */
  readonly throttle: ThrottleConfig | undefined
  /** Where access tokens and refresh tokens are kept. */
  readonly accounts: AccountsConfig
  /** Undefined: no Bearer tokens, Basic challenges. */
  readonly token: TokenConfig | undefined
  readonly externalTokens: readonly ExternalTokensConfig[]
  /** The first that holds decides. */
  readonly oidc: readonly OidcRuleConfig[]
  /** Undefined: no directory is asked. */
  readonly ldap: LdapConfig | undefined
  /** What the certificates of clients mean; undefined where no listener asks for them. */
  readonly clientCertificates:
    { readonly user: 'cn' | 'san-email' | 'san-uri' | 'san-dns'; readonly prefix: string } | undefined
  /** Members by group name, without the `@`. */
  readonly groups: ReadonlyMap<string, readonly string[]>
}

export interface HtpasswdConfig {
  readonly file: string
  /** Weak hashes are replaced when their password is known. */
  readonly upgrade: boolean
  /** What tokens are tied to; no other file has it. */
  readonly backend: string
  readonly realm: string | undefined
  /** Undefined: its accounts exist on every host. */
  readonly hosts: readonly string[] | undefined
  /** Undefined: its accounts exist for every repository. */
  readonly repositories: readonly string[] | undefined
}

export interface ThrottleConfig {
  /** So many failures cost no delay. */
  readonly freeFailures: number
  readonly firstDelayMs: number
  readonly maxDelayMs: number
}

export type AccountsConfig = {
  /** The file says where: then robots log in also where nobody has a password. */
  readonly isConfigured: boolean
} & (
  | { readonly kind: 'file'; readonly file: string }
  | {
      readonly kind: 'postgres'
      readonly url: string
      /** Read at every connection. */
      readonly passwordFile: string | undefined
      readonly caFile: string | undefined
    }
)

/** Which ID tokens are good as passwords, and whose they are. */
export interface OidcRuleConfig {
  readonly issuer: string
  readonly audience: readonly string[]
  /** A claim, or a text with `${claim}` in it; undefined: `sub`. */
  readonly name?: string | undefined
  /** Patterns by claim. */
  readonly when: Readonly<Record<string, readonly string[]>>
  readonly groups: readonly string[]
  readonly groupsClaim?: string | undefined
  readonly jwksUrl?: string | undefined
  readonly jwksFile?: string | undefined
  readonly caFile?: string | undefined
}

export interface LdapConfig {
  readonly url: string
  readonly startTls: boolean
  readonly caFile: string | undefined
  readonly account: { readonly dn: string; readonly password: string } | undefined
  readonly base: string
  readonly filter: string
  readonly userAttribute: string
  readonly groups:
    'memberOf' | { readonly base: string; readonly filter: string; readonly attribute: string } | undefined
  readonly cacheTtlMs: number
  readonly poolSize: number
  readonly timeoutMs: number
}

export interface TokenConfig {
  readonly service: string
  readonly issuer: string
  /** Where clients are sent for a token, in place of `/token` here. */
  readonly realm: string | undefined
  readonly ttlMs: number
  /** The signing key; made when it does not exist. */
  readonly keyFile: string
  /** Keys that do not sign, but whose tokens are good. */
  readonly previousKeyFiles: readonly string[]
  /** The signing key's certificate, for tokens to carry; made when it does not exist. */
  readonly certificateFile: string | undefined
  /** Undefined: no refresh tokens. */
  readonly refresh: { readonly ttlMs: number; readonly maxPerAccount: number } | undefined
}

/** A token server elsewhere whose tokens are accepted. */
export interface ExternalTokensConfig {
  readonly source: string
  readonly issuer: string
  readonly service: string
  readonly algorithms: readonly string[]
  readonly keys:
    | { readonly kind: 'certificates'; readonly file: string }
    | { readonly kind: 'jwks'; readonly url: string; readonly caFile: string | undefined }
    | { readonly kind: 'jwks-file'; readonly file: string }
}
