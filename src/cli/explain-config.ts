// A configuration in a few lines: who is let in where, and which repositories come from where.
import { readFile } from 'node:fs/promises'
import { parseHtpasswd } from '../auth/htpasswd.ts'
import type { Config, GrantConfig, ListenAddress, ListenerConfig, RouteConfig } from '../config/config.ts'
import { formatDuration } from '../config/quantities.ts'
import { nearby } from './nearby.ts'

/** One fact a line; accounts are counted, passwords and hashes never shown. */
export async function explainConfig(config: Config): Promise<string[]> {
  return [
    config.file === undefined ? 'The built-in defaults:' : `${config.file} is valid:`,
    ...config.listen.map((listener) => `listens   ${explainListener(listener)}`),
    `admin     http://${formatAddress(config.admin.address)} (health, metrics)`,
    ...(await explainLogins(config)).map((line) => `logins    ${line}`),
    ...(config.access.length === 0 ? ['grants    none: nothing is allowed'] : []),
    ...config.access.flatMap(explainGrant).map((line) => `grants    ${line}`),
    ...config.repositories.map((route) => `routes    ${explainRoute(route, config)}`),
    ...[...config.stores.values()].map(
      ({ name, filesystem, gc: { schedule } }) =>
        `stores    ${name} in ${nearby(filesystem.root)}${schedule === undefined ? '' : `, garbage collected at ${schedule}`}`,
    ),
    ...(config.cache.redis ? ['caches    memory, then Redis'] : []),
  ]
}

function explainListener({ address, tls, redirectToHttps }: ListenerConfig): string {
  const where = formatAddress(address)
  if (redirectToHttps) return `http://${where}, sent on to https`
  if (tls === undefined)
    return `http://${where}: passwords travel in the clear unless something in front speaks TLS`
  return `https://${where} with ${tls.kind === 'auto' ? 'a certificate of the local CA' : nearby(tls.certificateFile)}`
}

function formatAddress({ host, port }: ListenAddress): string {
  return `${host === undefined ? '*' : host.includes(':') ? `[${host}]` : host}:${port}`
}

async function explainLogins({ auth: { htpasswd, token } }: Config): Promise<string[]> {
  if (htpasswd === undefined) return ['nobody: there is no auth.htpasswd']
  const challenge = token ? `Bearer tokens for ${formatDuration(token.ttlMs)}` : 'Basic'
  const text = await readFile(htpasswd.file, 'utf8').catch(() => undefined)
  if (text === undefined) return [`${nearby(htpasswd.file)}, made at the first start; ${challenge}`]
  const { entries, problems } = parseHtpasswd(text)
  return [
    `${entries.size} account${entries.size === 1 ? '' : 's'} in ${nearby(htpasswd.file)}; ${challenge}`,
    ...problems.map(({ line, message }) => `${nearby(htpasswd.file)}:${line}: ${message}`),
  ]
}

function explainGrant(grant: GrantConfig): string[] {
  const where = grant.repositories.join(', ')
  return (['pull', 'push', 'delete', 'catalog', 'admin'] as const)
    .filter((action) => grant[action].length > 0)
    .map((action) => {
      const isOfRepositories = action !== 'catalog' && action !== 'admin'
      return `${action}${isOfRepositories ? ` ${where}` : ''}: ${grant[action].join(', ')}`
    })
}

function explainRoute(route: RouteConfig, { upstreams }: Config): string {
  if (route.kind === 'store') return `${route.pattern} kept in store ${route.store}`
  const url = upstreams.get(route.upstream)?.url ?? route.upstream
  if (route.kind === 'proxy') return `${route.pattern} passed through to ${url}`
  const { rules, defaultMs } = route.tagTtl
  const ttls = [...rules, { tags: '*', ttlMs: defaultMs }].map(
    ({ tags, ttlMs }) => `${tags} ${formatDuration(ttlMs)}`,
  )
  return `${route.pattern} mirrored from ${url} into store ${route.store}; tags are asked for again after: ${ttls.join(', ')}`
}
