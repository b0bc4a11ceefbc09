// What the shape alone cannot say about upstreams: one whole login each, namespaces that are their own, proxies that are one.
import type { Environment } from './interpolate.ts'
import { PROXY_VARIABLES, proxyFrom } from './normalise-upstreams.ts'
import type { ConfigPath, PathProblem } from './problem.ts'
import type { ConfigFile } from './schema.ts'
import { isProxyUrl } from './schema-upstreams.ts'

type Upstream = ConfigFile['upstreams'][string]

/** Each upstream for itself, and no two under one namespace. */
export function checkUpstreams(
  { upstreams }: Pick<ConfigFile, 'upstreams'>,
  env: Environment,
): PathProblem[] {
  const names = new Map<string, string>()
  return Object.entries(upstreams).flatMap(([name, upstream]) => {
    const path: ConfigPath = ['upstreams', name]
    const rival = upstream.namespace === undefined ? undefined : names.get(upstream.namespace)
    if (upstream.namespace !== undefined) names.set(upstream.namespace, name)
    const message = `is the namespace of upstream ${JSON.stringify(rival)} already`
    return [
      ...checkCredentials(upstream, path),
      ...checkUrls(upstream, path),
      ...checkProxy(upstream, path, env),
      ...(rival === undefined ? [] : [{ path: [...path, 'namespace'], message }]),
    ]
  })
}

/** Requests that pass through to a core use one connection to one place: what they cannot use is refused for it. */
export function checkCores({
  repositories,
  upstreams,
}: Pick<ConfigFile, 'repositories' | 'upstreams'>): PathProblem[] {
  const cores = new Set(Object.values(repositories).flatMap(({ proxy }) => proxy ?? []))
  return Object.entries(upstreams).flatMap(([name, { url, proxy }]) => {
    const path: ConfigPath = ['upstreams', name]
    if (!cores.has(name)) return []
    return [
      ...(url.length > 1
        ? [{ path: [...path, 'url'], message: 'one URL alone: pushes pass through to this upstream' }]
        : []),
      ...(proxy !== 'environment' && proxy !== 'off'
        ? [{ path: [...path, 'proxy'], message: 'not for an upstream that requests pass through to' }]
        : []),
    ]
  })
}

function checkCredentials(upstream: Upstream, path: ConfigPath): PathProblem[] {
  const { username, password, passwordFile, bearerToken, bearerTokenFile, exec } = upstream
  const hasPassword = password !== undefined || passwordFile !== undefined
  const hasToken = bearerToken !== undefined || bearerTokenFile !== undefined
  const logins = [username !== undefined || hasPassword, hasToken, exec !== undefined]
  if (logins.filter(Boolean).length > 1)
    return [{ path, message: 'give one login: a username, a bearer token or exec' }]
  if (bearerToken !== undefined && bearerTokenFile !== undefined)
    return [{ path: [...path, 'bearerTokenFile'], message: 'give either bearerToken or bearerTokenFile' }]
  if (password !== undefined && passwordFile !== undefined)
    return [{ path: [...path, 'passwordFile'], message: 'give either password or passwordFile' }]
  if (hasPassword && username === undefined) return [{ path, message: 'a password needs a username' }]
  if (!hasPassword && username !== undefined)
    return [{ path: [...path, 'username'], message: 'a username needs a password or passwordFile' }]
  return []
}

function checkUrls({ url }: Upstream, path: ConfigPath): PathProblem[] {
  const complain = (message: string) => [{ path: [...path, 'url'], message }]
  if (new Set(url).size < url.length) return complain('names one URL twice')
  // Every request would be answered 404, as if the images were not there.
  if (url.some((each) => each.endsWith('/v2'))) return complain('leave /v2 out: it is put behind the URL')
  return []
}

function checkProxy({ proxy, noProxy }: Upstream, path: ConfigPath, env: Environment): PathProblem[] {
  if (proxy === 'off' && noProxy.length > 0)
    return [{ path: [...path, 'noProxy'], message: 'there is no proxy to be left out: proxy is off' }]
  if (proxy !== 'environment') return []
  return [PROXY_VARIABLES.http, PROXY_VARIABLES.https].flatMap((names) => {
    const url = proxyFrom(env, names)
    if (url === undefined || isProxyUrl(url)) return []
    const message = `${names[1]} in the environment is no http or https URL; correct it, or write proxy: off`
    return [{ path, message }]
  })
}
