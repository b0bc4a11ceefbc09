// Upstreams, from the words of the file to what the program uses.
import type { Environment } from './interpolate.ts'
import type { UpstreamConfig } from './config.ts'
import type { ConfigFile } from './schema.ts'

type Upstream = ConfigFile['upstreams'][string]
type Absolute = (path: string) => string

export function toUpstream(
  name: string,
  upstream: Upstream,
  { absolute, env }: { absolute: Absolute; env: Environment },
): Omit<UpstreamConfig, 'token'> {
  const [url, ...fallbackUrls] = upstream.url
  const { clientCertificate: identity, timeouts } = upstream
  return {
    name,
    url: url ?? '',
    fallbackUrls,
    namespace: upstream.namespace,
    credentials: toCredentials(upstream, absolute),
    caFile: upstream.ca === undefined ? undefined : absolute(upstream.ca),
    clientCertificate: identity && {
      certificateFile: absolute(identity.certificate),
      keyFile: absolute(identity.key),
    },
    proxy: toProxy(upstream, env),
    allowedRealms: upstream.allowedRealms,
    allowedRedirects: upstream.allowedRedirects,
    timeouts: { connectMs: timeouts.connect, firstByteMs: timeouts.firstByte, idleMs: timeouts.idle },
    reserve: upstream.reserve,
    visibility: upstream.visibility ?? 'public',
  }
}

function toCredentials(upstream: Upstream, absolute: Absolute): UpstreamConfig['credentials'] {
  const { username, password, passwordFile, bearerToken, bearerTokenFile, exec } = upstream
  const fileOf = (file: string | undefined) => (file === undefined ? undefined : absolute(file))
  if (username !== undefined)
    return { kind: 'password', username, password, passwordFile: fileOf(passwordFile) }
  if (bearerToken !== undefined || bearerTokenFile !== undefined)
    return { kind: 'token', token: bearerToken, tokenFile: fileOf(bearerTokenFile) }
  if (exec === undefined) return undefined
  const { helper, lifetime, server = upstream.url[0] ?? '' } = exec
  return { kind: 'exec', helper, server, lifetimeMs: lifetime }
}

/** The variables that name proxies, as other programs read them: the lower case first. */
export const PROXY_VARIABLES = {
  http: ['http_proxy', 'HTTP_PROXY'],
  https: ['https_proxy', 'HTTPS_PROXY'],
  bypass: ['no_proxy', 'NO_PROXY'],
} as const

function toProxy({ proxy, noProxy }: Upstream, env: Environment): UpstreamConfig['proxy'] {
  if (proxy === 'off') return undefined
  if (proxy !== 'environment') return { http: proxy, https: proxy, bypass: noProxy }
  const http = proxyFrom(env, PROXY_VARIABLES.http)
  const https = proxyFrom(env, PROXY_VARIABLES.https)
  if (http === undefined && https === undefined) return undefined
  const bypass = (firstOf(env, PROXY_VARIABLES.bypass) ?? '').split(/[\s,]+/).filter((entry) => entry !== '')
  return { http, https, bypass: [...bypass, ...noProxy] }
}

/** The URL of a proxy as the environment has it, where the scheme may be left out. */
export function proxyFrom(env: Environment, names: readonly string[]): string | undefined {
  const written = firstOf(env, names)
  return written === undefined || /^[a-z0-9+.-]+:\/\//i.test(written) ? written : `http://${written}`
}

function firstOf(env: Environment, names: readonly string[]): string | undefined {
  return names.map((name) => env[name]).find((value) => value !== undefined && value !== '')
}
