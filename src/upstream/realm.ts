// Which token realms an upstream may send us to: a realm elsewhere would be given our credentials.
import { isIP } from 'node:net'

/**
 * The URL of `realm` when it may be asked for tokens of `upstream`: on the same host (any port), under the same
 * registrable domain, or on one of the `allowed` hosts (`auth.example.com`, `auth.example.com:8443`).
 * Undefined otherwise, and for plain http when the upstream itself is https.
 */
export function allowedRealm(realm: string, upstream: URL, allowed: readonly string[]): URL | undefined {
  const url = URL.canParse(realm) ? new URL(realm) : undefined
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined
  if (upstream.protocol === 'https:' && url.protocol === 'http:') return undefined
  if (url.username !== '' || url.password !== '') return undefined
  // The dot of a complete name would pass for its last label.
  url.hostname = url.hostname.replace(/\.$/, '')
  if (allowed.includes(url.hostname) || allowed.includes(url.host)) return url
  if (url.hostname === upstream.hostname) return url
  return registrableDomain(url.hostname) === registrableDomain(upstream.hostname) ? url : undefined
}

/**
 * A careful guess without the public suffix list: two labels, or three where the second is as short as the public ones
 * below country domains (`co.uk`). Guessing one label too many only asks for an `allowed` entry.
 */
function registrableDomain(hostname: string): string {
  if (isIP(hostname.replace(/^\[(.*)\]$/, '$1')) !== 0) return hostname
  const labels = hostname.replace(/\.$/, '').split('.')
  const [second = '', top = ''] = labels.slice(-2)
  return labels.slice(top.length === 2 && second.length <= 3 ? -3 : -2).join('.')
}
