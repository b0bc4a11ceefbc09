// A configuration in a few lines: who is let in where, and which repositories come from where.
import { readFile } from 'node:fs/promises'
import { parseHtpasswd } from '../auth/htpasswd.ts'
import type { AccountsConfig, HtpasswdConfig } from '../config/auth-config.ts'
import type {
  AuditConfig,
  Config,
  GrantConfig,
  ListenAddress,
  ListenerConfig,
  StoreConfig,
} from '../config/config.ts'
import type { FreshnessConfig, RouteConfig } from '../config/route-config.ts'
import { formatDuration } from '../config/quantities.ts'
import { explainClientCas, explainIdentities } from './explain-identities.ts'
import { explainUpstreams } from './explain-upstreams.ts'
import { nearby } from './nearby.ts'
import { counted, formatBytes } from './output.ts'

/** One fact a line; accounts are counted, passwords and hashes never shown. */
export async function explainConfig(config: Config): Promise<string[]> {
  return [
    config.file === undefined ? 'The built-in defaults:' : `${config.file} is valid:`,
    ...config.listen.map((listener) => `listens   ${explainListener(listener)}`),
    `admin     http://${formatAddress(config.admin.address)} (health, metrics)`,
    ...(await explainLogins(config)).map((line) => `logins    ${line}`),
    ...(config.access.length === 0 ? ['grants    none: nothing is allowed'] : []),
    ...config.access.flatMap(explainGrant).map((line) => `grants    ${line}`),
    ...(config.hidesRepositories
      ? ['grants    who may not pull is answered 404, as if nothing were there']
      : []),
    ...config.repositories.map((route) => `routes    ${explainRoute(route, config)}`),
    ...explainUpstreams(config).map((line) => `upstreams ${line}`),
    ...[...config.stores.values()].map((store) => `stores    ${explainStore(store)}`),
    ...(config.workers > 1 ? [`workers   ${config.workers} serve clients`] : []),
    ...(config.audit ? [`audit     ${explainAudit(config.audit)}`] : []),
    ...(config.cache.redis ? ['caches    memory, then Redis'] : []),
  ]
}

function explainListener({ address, tls, clientCas, redirectToHttps }: ListenerConfig): string {
  const where = formatAddress(address)
  if (redirectToHttps) return `http://${where}, sent on to https`
  if (tls === undefined)
    return `http://${where}: passwords travel in the clear unless something in front speaks TLS`
  const certificate = tls.kind === 'auto' ? 'a certificate of the local CA' : nearby(tls.certificateFile)
  return `https://${where} with ${certificate}${explainClientCas(clientCas)}`
}

function formatAddress({ host, port }: ListenAddress): string {
  return `${host === undefined ? '*' : host.includes(':') ? `[${host}]` : host}:${port}`
}

async function explainLogins({ auth }: Config): Promise<string[]> {
  const { htpasswd, token, throttle } = auth
  const lines = [...(await Promise.all(htpasswd.map(explainPasswords))).flat(), ...explainIdentities(auth)]
  if (lines.length === 0 && !auth.accounts.isConfigured) return ['nobody: there is no auth.htpasswd']
  return [
    ...lines,
    `access tokens kept in ${explainAccounts(auth.accounts)}`,
    `challenged with ${token ? `Bearer tokens for ${formatDuration(token.ttlMs)}` : 'Basic'}`,
    throttle
      ? `slowed down after ${counted(throttle.freeFailures, 'failure')}`
      : 'failures are not slowed down: passwords can be guessed',
  ]
}

function explainAccounts(accounts: AccountsConfig): string {
  // The URL may hold a password.
  return accounts.kind === 'file' ? nearby(accounts.file) : `Postgres at ${new URL(accounts.url).host}`
}

async function explainPasswords({ file, realm, hosts, repositories }: HtpasswdConfig): Promise<string[]> {
  const limits = [
    ...(realm === undefined ? [] : [`realm ${realm}`]),
    ...(hosts === undefined ? [] : [`on ${hosts.join(', ')}`]),
    ...(repositories === undefined ? [] : [`for ${repositories.join(', ')}`]),
  ]
  const text = await readFile(file, 'utf8').catch(() => undefined)
  if (text === undefined) return [[`${nearby(file)}, made at the first start`, ...limits].join('; ')]
  const { entries, problems, weak } = parseHtpasswd(text)
  return [
    [`${counted(entries.size, 'account')} in ${nearby(file)}`, ...limits].join('; '),
    ...[...problems, ...weak].map(({ line, message }) => `${nearby(file)}:${line}: ${message}`),
  ]
}

function explainAudit({ file, maxBytes, keep, pulls }: AuditConfig): string {
  const where =
    file === undefined
      ? 'to standard output'
      : `in ${nearby(file)}, ${keep} older files of ${formatBytes(maxBytes)}`
  return `${where}; pulls ${pulls ? 'too' : 'are left out'}`
}

function explainGrant(grant: GrantConfig): string[] {
  const where = grant.repositories.join(', ')
  return (['pull', 'push', 'delete', 'catalog', 'admin'] as const)
    .filter((action) => grant[action].length > 0)
    .map((action) => {
      const isOfRepositories = action !== 'catalog' && action !== 'admin'
      const from = grant.from === undefined ? '' : `, from ${grant.from.join(', ')}`
      return `${action}${isOfRepositories ? ` ${where}` : ''}: ${grant[action].join(', ')}${from}`
    })
}

function explainRoute(route: RouteConfig, { upstreams }: Config): string {
  if (route.kind === 'store') return `${route.pattern} kept in store ${route.store}`
  const url = upstreams.get(route.upstream)?.url ?? route.upstream
  if (route.kind === 'proxy') return `${route.pattern} passed through to ${url}`
  return `${route.pattern} mirrored from ${url} into store ${route.store}${route.overlay === undefined ? '' : `, under what is pushed to store ${route.overlay}`}; ${explainFreshness(route).join('; ')}`
}

function explainStore({ name, filesystem, gc: { schedule }, limits }: StoreConfig): string {
  return [
    `${name} in ${nearby(filesystem.root)}`,
    ...(schedule === undefined ? [] : [`garbage collected at ${schedule}`]),
    ...(limits.maxBytes === undefined ? [] : [`at most ${formatBytes(limits.maxBytes)}`]),
    ...(limits.unusedAfterMs === undefined
      ? []
      : [`what nobody pulled for ${formatDuration(limits.unusedAfterMs)} goes`]),
  ].join(', ')
}

function explainFreshness({ tagTtl, hold, asOf }: FreshnessConfig): string[] {
  const ttls = [...tagTtl.rules, { tags: '*', ttlMs: tagTtl.defaultMs }].map(
    ({ tags, ttlMs }) => `${tags} ${formatDuration(ttlMs)}`,
  )
  return [
    `tags are asked for again after: ${ttls.join(', ')}`,
    ...(hold ? [`what is new there is held for ${formatDuration(hold.ms)}`] : []),
    ...(asOf === undefined ? [] : [`tags are served as of ${new Date(asOf).toISOString()}`]),
  ]
}
