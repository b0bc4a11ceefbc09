// From the words of the file to the configuration that the program uses.
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import type { AuditConfig, Config, GrantConfig, ListenerConfig, TagRuleConfig } from './config.ts'
import type { Rewrite, RouteConfig } from './route-config.ts'
import type { Environment } from './interpolate.ts'
import { toAccounts } from './normalise-accounts.ts'
import { toFreshness } from './normalise-freshness.ts'
import { toClientCas, toClientCertificates, toLdap, toOidcRule } from './normalise-identities.ts'
import { toPasswords } from './normalise-passwords.ts'
import { toCoreToken, toExternalTokens, toToken } from './normalise-tokens.ts'
import { toUpstream } from './normalise-upstreams.ts'
import { byLiteralPrefix, literalPrefix } from './patterns.ts'
import type { ConfigFile } from './schema.ts'

/** More of them hardly serve more: then it is the network's turn. */
const MOST_AUTO_WORKERS = 16

export interface NormaliseOptions {
  readonly source: string | undefined
  /** Where relative paths start. */
  readonly cwd: string
  /** Where upstreams may find their proxy. */
  readonly env: Environment
  /** What was read from the password file of `auth.ldap`. */
  readonly ldapPassword?: string | undefined
  /** The line of a grant in the file. */
  readonly lineOfGrant?: (index: number) => number | undefined
}

/** Builds the configuration from a file that has passed every check. */
export function normalise(file: ConfigFile, options: NormaliseOptions): Config {
  const { source, cwd, env, lineOfGrant } = options
  const absolute = (path: string) => resolve(cwd, path)
  return {
    file: source,
    listen: file.listen.map((listener) => toListener(listener, publicNames(file), absolute)),
    admin: file.admin,
    workers: file.workers === 'auto' ? coresOf() : file.workers,
    publicUrl: file.publicUrl,
    trustedProxies: file.trustedProxies,
    hosts: mapValues(file.hosts, ({ defaultNamespace, lenient, upstreamLogins }) => ({
      defaultNamespace,
      isLenient: lenient,
      takesUpstreamLogins: upstreamLogins,
    })),
    auth: {
      ...toPasswords(file.auth, absolute),
      accounts: toAccounts(file, absolute),
      token: toToken(file, absolute),
      externalTokens: toExternalTokens(file, absolute),
      oidc: file.auth.oidc.map((rule) => toOidcRule(rule, absolute)),
      ldap: file.auth.ldap && toLdap(file.auth.ldap, options.ldapPassword, absolute),
      clientCertificates: toClientCertificates(file),
      groups: mapValues(file.auth.groups, (members) => members),
    },
    access: file.access.map((grant, index) => toGrant(grant, lineOfGrant?.(index))),
    hidesRepositories: file.hideRepositories,
    upstreams: mapValues(file.upstreams, (upstream, name) => ({
      ...toUpstream(name, upstream, { absolute, env }),
      token: toCoreToken(file, upstream.token),
    })),
    repositories: toRoutes(file),
    stores: mapValues(file.stores, (store, name) => ({
      name,
      filesystem: { root: absolute(store.filesystem.root), fsync: store.fsync },
      isShared: store.shared,
      uploadsPurgeAfterMs: store.uploads.purgeAfter === 'off' ? undefined : store.uploads.purgeAfter,
      gc: {
        schedule: store.gc.schedule,
        graceMs: store.gc.grace,
        removesUntagged: store.gc.untagged,
      },
      allowsDelete: store.delete,
      isReadOnly: store.readOnly,
      verifiesReads: store.verifyReads,
      tagRules: store.tags.map(toTagRule),
      limits: { maxBytes: store.maxSize, unusedAfterMs: store.unusedAfter, pins: store.pins },
    })),
    warmUp: file.warmUp,
    cache: { memoryBytes: file.cache.memory, redis: file.cache.redis },
    limits: { idleTimeoutMs: file.limits.idleTimeout },
    logging: file.logging,
    audit: file.audit && toAudit(file.audit, absolute),
    shutdownGraceMs: file.shutdownGrace,
  }
}

/** Those that this process may use, also by the quota of a container. */
function coresOf(): number {
  return Math.min(availableParallelism(), MOST_AUTO_WORKERS)
}

type Absolute = (path: string) => string

/** What clients are told to call this machine. */
function publicNames({ publicUrl, hosts }: ConfigFile): string[] {
  return [...(publicUrl === undefined ? [] : [new URL(publicUrl).hostname]), ...Object.keys(hosts)]
}

function toListener(
  listener: ConfigFile['listen'][number],
  names: readonly string[],
  absolute: Absolute,
): ListenerConfig {
  const { address, tls, redirectTo } = listener
  const shared = {
    address,
    redirectToHttps: redirectTo === 'https',
    clientCas: toClientCas(listener, absolute),
  }
  if (tls === undefined) return { ...shared, tls: undefined }
  if (tls === 'auto') return { ...shared, tls: { kind: 'auto', folder: absolute('certs'), names } }
  const files = { certificateFile: absolute(tls.certificate), keyFile: absolute(tls.key) }
  return { ...shared, tls: { kind: 'files', ...files } }
}

function toGrant(grant: ConfigFile['access'][number], line: number | undefined): GrantConfig {
  return {
    repositories: grant.repositories,
    pull: grant.pull,
    push: grant.push,
    delete: grant.delete,
    catalog: grant.catalog,
    admin: grant.admin,
    from: grant.from,
    line,
  }
}

function toAudit(audit: NonNullable<ConfigFile['audit']>, absolute: Absolute): AuditConfig {
  const { file, maxSize, keep, pulls } = audit
  return { file: file === 'stdout' ? undefined : absolute(file), maxBytes: maxSize, keep, pulls }
}

function toTagRule({ keep, ...rule }: ConfigFile['stores'][string]['tags'][number]): TagRuleConfig {
  return {
    ...rule,
    keep: keep && {
      newest: keep.newest,
      pushedWithinMs: keep.pushedWithin,
      pulledWithinMs: keep.pulledWithin,
    },
  }
}

function toRoutes({ repositories, upstreams }: ConfigFile): RouteConfig[] {
  return Object.entries(repositories)
    .toSorted(([a], [b]) => byLiteralPrefix(a, b))
    .flatMap(([pattern, route]): RouteConfig[] => {
      const { mirror, proxy, store, rewrite } = route
      const shared = { pattern, prefix: literalPrefix(pattern) }
      const rewritten = toRewrite(shared.prefix, rewrite)
      if (mirror !== undefined && store !== undefined) {
        const namespace = upstreams[mirror]?.namespace
        const stripped = namespace === undefined ? undefined : { from: `${namespace}/`, to: '' }
        return [
          {
            ...shared,
            kind: 'mirror',
            upstream: mirror,
            store,
            overlay: route.overlay,
            ...toFreshness(route, upstreams[mirror]),
            rewrite: rewritten ?? stripped,
          },
        ]
      }
      if (proxy !== undefined) return [{ ...shared, kind: 'proxy', upstream: proxy, rewrite: rewritten }]
      return store === undefined ? [] : [{ ...shared, kind: 'store', store }]
    })
}

/** The written front part, on whole path components: a prefix that ends in a slash is replaced by one that does. */
function toRewrite(prefix: string, rewrite: string | undefined): Rewrite | undefined {
  if (rewrite === undefined) return undefined
  return {
    from: prefix,
    to: rewrite !== '' && (prefix.endsWith('/') || prefix === '') ? `${rewrite}/` : rewrite,
  }
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  convert: (value: From, key: string) => To,
): ReadonlyMap<string, To> {
  return new Map(Object.entries(record).map(([key, value]) => [key, convert(value, key)]))
}
