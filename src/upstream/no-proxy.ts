// Which hosts are reached without the HTTP proxy, in the words of NO_PROXY.
import { BlockList, isIP } from 'node:net'

/**
 * Whether a URL is reached straight: this machine always, and what `entries` name. An entry is a host (`example.com`, which also
 * stands for every host below it; a dot or `*.` in front changes nothing), an address or range (`10.0.0.0/8`), any of these
 * with a port, or `*` for everything. Names are compared as written: none is resolved for it.
 */
export function bypassOf(entries: readonly string[]): (url: URL) => boolean {
  const rules = entries.map((entry) => ruleOf(entry.trim().toLowerCase()))
  return (url) => {
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.$/, '')
    const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
    return isThisMachine(host) || rules.some((rule) => rule(host, port))
  }
}

/** Whether a host name or address can only mean this machine. */
export function isThisMachine(host: string): boolean {
  return /^(?:localhost|.*\.localhost|127\.\d+\.\d+\.\d+|::1)$/.test(host)
}

type Rule = (host: string, port: string) => boolean

function ruleOf(entry: string): Rule {
  if (entry === '') return () => false
  if (entry === '*') return () => true
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d{1,5}))?$/.exec(entry) ?? []
  const named = bracketed ?? plain ?? entry // a bare IPv6 address has colons of its own
  const isHost = hostRule(named)
  return (host, asked) => (port === undefined || port === asked) && isHost(host)
}

function hostRule(named: string): (host: string) => boolean {
  const [address = '', bits] = named.split('/')
  const version = isIP(address)
  if (version === 0) return domainRule(named.replace(/^\*?\./, ''))
  const list = new BlockList()
  const family = version === 6 ? 'ipv6' : 'ipv4'
  const length = bits === undefined ? (version === 6 ? 128 : 32) : Number(bits)
  if (!Number.isInteger(length) || length < 0 || length > (version === 6 ? 128 : 32)) return () => false
  list.addSubnet(address, length, family)
  return (host) => isIP(host) !== 0 && list.check(host, isIP(host) === 6 ? 'ipv6' : 'ipv4')
}

function domainRule(domain: string): (host: string) => boolean {
  return (host) => host === domain || host.endsWith(`.${domain}`)
}
