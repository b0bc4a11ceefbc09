// The configuration as the program uses it: checked, references resolved, durations in milliseconds, sizes in bytes,
// paths absolute.
import type { AuthConfig } from './auth-config.ts'
import type { RouteConfig } from './route-config.ts'

/** Everything that can be configured. Immutable; a reload makes a new one. */
export interface Config {
  /** The file it was read from; undefined for the built-in defaults. */
  readonly file: string | undefined
  readonly listen: readonly ListenerConfig[]
  readonly admin: { readonly address: ListenAddress }
  /** Processes that serve clients; 1: one process for everything. */
  readonly workers: number
  /** `https://host[:port]` that clients are told, in place of what their requests say. */
  readonly publicUrl: string | undefined
  /** Addresses and CIDR ranges whose `X-Forwarded-*` headers are believed. */
  readonly trustedProxies: readonly string[]
  /** By `Host` header, without port, lower-case. */
  readonly hosts: ReadonlyMap<string, HostConfig>
  readonly auth: AuthConfig
  readonly access: readonly GrantConfig[]
  /** Repositories that a caller may not pull from are answered as if they were not there. */
  readonly hidesRepositories: boolean
  readonly upstreams: ReadonlyMap<string, UpstreamConfig>
  /** The longest literal prefix first: the first pattern that matches decides. */
  readonly repositories: readonly RouteConfig[]
  readonly stores: ReadonlyMap<string, StoreConfig>
  /** What is pulled through the mirrors by the clock. */
  readonly warmUp: readonly WarmUpConfig[]
  readonly cache: CacheConfig
  readonly limits: LimitsConfig
  readonly logging: LoggingConfig
  /** Undefined: nothing is kept. */
  readonly audit: AuditConfig | undefined
  /** How long running transfers may take after a stop was asked for. */
  readonly shutdownGraceMs: number
}

/** Where to listen. Port 0 lets the system choose. */
export interface ListenAddress {
  /** An IP address or a host name; undefined means every address of the machine. */
  readonly host: string | undefined
  readonly port: number
}

export interface ListenerConfig {
  readonly address: ListenAddress
  /** Undefined: plain HTTP. */
  readonly tls: TlsConfig | undefined
  /** Who signs the certificates that clients may log in with; undefined: none are asked for. */
  readonly clientCas: ClientCasConfig | undefined
  /** Answers every request with a redirect to HTTPS. */
  readonly redirectToHttps: boolean
}

/** `auto`: a certificate from the local CA, whose files live in `folder`, for `names` and those of the machine. */
export type TlsConfig =
  | { readonly kind: 'auto'; readonly folder: string; readonly names: readonly string[] }
  | { readonly kind: 'files'; readonly certificateFile: string; readonly keyFile: string }

export interface ClientCasConfig {
  readonly files: readonly string[]
  /** Whether clients without such a certificate are turned away. */
  readonly isRequired: boolean
}

export interface HostConfig {
  /** Put before repository names that carry no namespace of their own, such as `docker.io`. */
  readonly defaultNamespace: string | undefined
  /** A login that nobody here knows is no failure there. */
  readonly isLenient: boolean
  /** Logins there are for the upstream of the default namespace, and are checked there alone. */
  readonly takesUpstreamLogins: boolean
}

/** A core that takes tokens of ours. */
export interface CoreTokenConfig {
  readonly service: string
  readonly issuer: string
}

/** One additive grant. Principals are `$anonymous`, `$authenticated`, `@group` or an account's name. */
export interface GrantConfig {
  readonly repositories: readonly string[]
  readonly pull: readonly string[]
  readonly push: readonly string[]
  readonly delete: readonly string[]
  readonly catalog: readonly string[]
  readonly admin: readonly string[]
  /** Addresses and CIDR ranges that callers have to come from; undefined: anywhere. */
  readonly from: readonly string[] | undefined
  /** Where it begins in the file. */
  readonly line: number | undefined
}

export interface UpstreamConfig {
  readonly name: string
  /** `http[s]://host[:port][/prefix]`, without a slash at the end. */
  readonly url: string
  /** The same registry elsewhere, asked in this order while those before do not answer. */
  readonly fallbackUrls: readonly string[]
  /** What clients call it in `?ns=` and at the front of names, such as `docker.io`. */
  readonly namespace: string | undefined
  readonly credentials: UpstreamCredentials | undefined
  /** PEM file of the authorities that sign the upstream's certificate, in place of the system's. */
  readonly caFile: string | undefined
  /** What the upstream knows us by: PEM files. */
  readonly clientCertificate: { readonly certificateFile: string; readonly keyFile: string } | undefined
  /** HTTP proxies for `http:` and `https:` URLs, and the hosts that are reached without, as NO_PROXY has them. */
  readonly proxy:
    | {
        readonly http: string | undefined
        readonly https: string | undefined
        readonly bypass: readonly string[]
      }
    | undefined
  /** Origins inside that the upstream may send us to. */
  readonly allowedRedirects: readonly string[]
  readonly timeouts: { readonly connectMs: number; readonly firstByteMs: number; readonly idleMs: number }
  /** The part of its quota, from 0 to 1, that is kept for what nobody has pulled yet. */
  readonly reserve: number
  /** Hosts (`auth.example.com[:port]`), besides the upstream's own domain, that may be sent the credentials for a token. */
  readonly allowedRealms: readonly string[]
  readonly token: CoreTokenConfig | undefined
  readonly visibility: Visibility
}

/** Of a secret and the file that it is in, one is given. */
export type UpstreamCredentials =
  | {
      readonly kind: 'password'
      readonly username: string
      readonly password: string | undefined
      readonly passwordFile: string | undefined
    }
  | { readonly kind: 'token'; readonly token: string | undefined; readonly tokenFile: string | undefined }
  /** A program in docker's credential protocol. */
  | { readonly kind: 'exec'; readonly helper: string; readonly server: string; readonly lifetimeMs: number }

/**
 * Who is shown what a mirror keeps, besides the grants. `public`: everybody, what everybody may read upstream; `shared`:
 * whom the grants admit; `per-user`: who may read it there with a login of his own.
 */
export type Visibility = 'public' | 'shared' | 'per-user'

export interface StoreConfig {
  readonly name: string
  readonly filesystem: {
    readonly root: string
    /** Wait for the disk before a write is answered. */
    readonly fsync: boolean
  }
  /** Another registry writes to the same folder, unseen by this one. */
  readonly isShared: boolean
  /** Upload sessions without a sign of life for so long are removed; undefined: never. */
  readonly uploadsPurgeAfterMs: number | undefined
  readonly gc: GcConfig
  /** Whether a grant of delete has anything to act on. */
  readonly allowsDelete: boolean
  readonly isReadOnly: boolean
  /** Whole blobs are hashed while they are sent. */
  readonly verifiesReads: boolean
  readonly tagRules: readonly TagRuleConfig[]
  /** What is kept of what mirrors fetch. */
  readonly limits: StoreLimitsConfig
}

export interface StoreLimitsConfig {
  /** Undefined: any number of bytes. */
  readonly maxBytes: number | undefined
  /** What nobody pulled for so long goes; undefined: nothing does. */
  readonly unusedAfterMs: number | undefined
  /** `docker.io/library/alpine:3.*`; without a tag, all of the repository. */
  readonly pins: readonly string[]
}

export interface GcConfig {
  /** A cron pattern in local time; undefined: only when it is asked for. */
  readonly schedule: string | undefined
  /** What was pushed or asked for so lately is not collected. */
  readonly graceMs: number
  /** By schedule, manifests that nothing keeps go too. */
  readonly removesUntagged: boolean
}

/** Rules add up; each speaks of tags by patterns. */
export interface TagRuleConfig {
  readonly repositories: readonly string[]
  readonly tags: readonly string[]
  readonly immutable: boolean
  readonly protected: boolean
  readonly keep:
    | {
        readonly newest: number | undefined
        readonly pushedWithinMs: number | undefined
        readonly pulledWithinMs: number | undefined
      }
    | undefined
}

export interface WarmUpConfig {
  /** A cron pattern in local time. */
  readonly schedule: string
  /** As clients name them. */
  readonly images: readonly string[]
  /** `linux/amd64`; empty: every one. */
  readonly platforms: readonly string[]
}

export interface CacheConfig {
  readonly memoryBytes: number
  readonly redis: { readonly url: string; readonly prefix: string } | undefined
}

export interface LimitsConfig {
  /** A connection that moves no byte for so long is closed. */
  readonly idleTimeoutMs: number
}

export interface LoggingConfig {
  /** `auto`: pretty on a terminal, JSON otherwise. */
  readonly format: 'auto' | 'json' | 'pretty'
  readonly level: 'error' | 'warn' | 'info' | 'debug'
}

export interface AuditConfig {
  /** Undefined: standard output. */
  readonly file: string | undefined
  readonly maxBytes: number
  /** How many older files are kept. */
  readonly keep: number
  /** Whether pulls that are allowed are told. */
  readonly pulls: boolean
}
