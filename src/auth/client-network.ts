// Which callers count as one when logins take turns.
import { isIPv6 } from 'node:net'

const GROUPS = 8

/** An IPv4 address stands for itself, an IPv6 address for its /64: that many addresses a single machine has (RFC 4291 §2.5.1). */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('::')
  const groups = groupsOf(head)
  if (tail !== undefined) {
    const rest = groupsOf(tail)
    groups.push(...Array.from({ length: GROUPS - groups.length - rest.length }, () => '0'), ...rest)
  }
  const prefix = groups.slice(0, GROUPS / 2).map((group) => Number.parseInt(group, 16).toString(16))
  return `${prefix.join(':')}::/64`
}

/**
 * What takes turns as one: a site has up to a /48 of networks (RFC 6177 §2), and whoever has as many as a queue has places could
 * keep everybody else out of it.
 */
export function siteOf(network: string): string {
  return network.replace(/^((?:[0-9a-f]+:){3})[0-9a-f]+::\/64$/, '$1:/48')
}

function groupsOf(text: string): string[] {
  return text === '' ? [] : text.split(':')
}
