// Upstreams in a few lines: how they are reached and logged in to. No secret is shown.
import type { Config, UpstreamConfig, UpstreamCredentials } from '../config/config.ts'

/** One line for each upstream that is reached otherwise than straight and without a login. */
export function explainUpstreams({ upstreams }: Config): string[] {
  return [...upstreams.values()].flatMap((upstream) => {
    const facts = factsOf(upstream)
    return facts.length === 0 ? [] : [`${upstream.name}: ${facts.join('; ')}`]
  })
}

function factsOf({ fallbackUrls, credentials, clientCertificate, proxy }: UpstreamConfig): string[] {
  const proxies = new Set([proxy?.https, proxy?.http].filter((url) => url !== undefined))
  return [
    ...(fallbackUrls.length === 0 ? [] : [`while it does not answer: ${fallbackUrls.join(', ')}`]),
    ...(credentials ? [explainLogin(credentials)] : []),
    ...(clientCertificate ? ['shown a client certificate'] : []),
    ...[...proxies].map((url) => `by the proxy ${new URL(url).origin}`),
  ]
}

function explainLogin(credentials: UpstreamCredentials): string {
  if (credentials.kind === 'password') return `logged in to as ${credentials.username}`
  if (credentials.kind === 'token') return 'sent a token'
  return `logged in to by the helper ${credentials.helper}`
}
