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

function groupsOf(text: string): string[] {
  return text === '' ? [] : text.split(':')
}
