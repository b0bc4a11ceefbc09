// Who the client is and how it addresses us, also behind trusted proxies.
import type { IncomingMessage } from 'node:http'
import { BlockList, isIP, type Socket } from 'node:net'

export interface OriginOptions {
  /** `https://host[:port]`; undefined: taken from the request. */
  readonly publicUrl: string | undefined
  /** Addresses and CIDR ranges whose `X-Forwarded-*` headers are believed. */
  readonly trustedProxies: readonly string[]
}

export interface Origin {
  /** `https://host[:port]`, without a slash at the end. */
  readonly origin: string
  readonly clientAddress: string
}

const HOST = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?$/

export class OriginResolver {
  readonly #publicUrl: string | undefined
  readonly #trusted: BlockList | undefined

  constructor({ publicUrl, trustedProxies }: OriginOptions) {
    this.#publicUrl = publicUrl
    this.#trusted = trustedProxies.length > 0 ? blockListOf(trustedProxies) : undefined
  }

  of(req: IncomingMessage, isTls: boolean): Origin {
    const peer = plainAddress(req.socket.remoteAddress ?? '')
    const trusted = this.#trusted !== undefined && contains(this.#trusted, peer)
    const clientAddress = trusted ? this.#clientOf(single(req, 'x-forwarded-for', true), peer) : peer
    if (this.#publicUrl !== undefined) return { origin: this.#publicUrl, clientAddress }
    // A list would come from several proxies, or from a client that wrote the first part itself: only single values count.
    const proto = trusted ? single(req, 'x-forwarded-proto') : undefined
    const scheme = proto === 'https' || proto === 'http' ? proto : isTls ? 'https' : 'http'
    const host =
      (trusted ? validHost(single(req, 'x-forwarded-host')) : undefined) ?? validHost(req.headers.host)
    return { origin: `${scheme}://${host ?? localHost(req.socket)}`, clientAddress }
  }

  /** The last address of the list that no trusted proxy has. */
  #clientOf(list: string | undefined, peer: string): string {
    const addresses = (list ?? '').split(',').map((text) => plainAddress(text.trim()))
    for (const address of addresses.toReversed()) {
      if (isIP(address) === 0) return peer
      if (!this.#trusted || !contains(this.#trusted, address)) return address
    }
    return peer
  }
}

function blockListOf(ranges: readonly string[]): BlockList {
  const list = new BlockList()
  for (const range of ranges) {
    const [address = '', bits] = range.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}

function contains(list: BlockList, address: string): boolean {
  const family = isIP(address)
  return family !== 0 && list.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

/** Dual-stack sockets show IPv4 addresses as `::ffff:1.2.3.4`. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

function single(req: IncomingMessage, name: string, list = false): string | undefined {
  const value = req.headers[name]
  if (typeof value !== 'string' || (!list && value.includes(','))) return undefined
  return value
}

/** The last one that was good: most requests come to one host. */
let lastValid: string | undefined

/** An authority that can stand in a URL: what is built from it is parsed again elsewhere. */
function validHost(host: string | undefined): string | undefined {
  if (host === lastValid) return host
  if (host === undefined || host.length > 260 || !HOST.test(host)) return undefined
  if (!URL.canParse(`http://${host}`)) return undefined
  lastValid = host
  return host
}

function localHost({ localAddress = 'localhost', localPort = 0 }: Socket): string {
  const address = plainAddress(localAddress)
  return `${address.includes(':') ? `[${address}]` : address}:${localPort}`
}
