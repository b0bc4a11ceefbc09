// Ranges of IP addresses that a grant is limited to.
import { BlockList, isIP } from 'node:net'

const IPV4_BITS = 32
const IPV6_BITS = 128
/** Where IPv6 writes IPv4 addresses (RFC 4291 §2.5.5.2): dual-stack sockets and proxies name clients so. */
const MAPPED_BITS = 96
const MAPPED = new BlockList()
MAPPED.addSubnet('::ffff:0.0.0.0', MAPPED_BITS, 'ipv6')

/** An IPv4 client is the same client in its mapped form, and `::/0` holds IPv6 clients alone. */
export class Networks {
  /** As they are written. */
  readonly ranges: readonly string[]
  readonly #ipv4 = new BlockList()
  readonly #ipv6 = new BlockList()

  /** `10.0.0.0/8`, `fd00::/8`, or a single address. Throws `RangeError` for what is neither. */
  constructor(ranges: readonly string[]) {
    this.ranges = ranges
    for (const range of ranges) this.#add(range)
  }

  includes(address: string | undefined): boolean {
    if (address === undefined) return false
    const family = isIP(address)
    if (family === 4) return this.#ipv4.check(address, 'ipv4')
    if (family !== 6) return false
    const rules = MAPPED.check(address, 'ipv6') ? this.#ipv4 : this.#ipv6
    return rules.check(address, 'ipv6')
  }

  #add(range: string): void {
    const [address = '', length, ...rest] = range.split('/')
    const family = isIP(address)
    const most = family === 4 ? IPV4_BITS : IPV6_BITS
    const bits = length === undefined ? most : /^\d{1,3}$/.test(length) ? Number(length) : Infinity
    if (family === 0 || address.includes('%') || rest.length > 0 || bits > most)
      throw new RangeError(`${JSON.stringify(range)} is not an IP address or a range such as 10.0.0.0/8`)
    if (family === 4) return this.#ipv4.addSubnet(address, bits, 'ipv4')
    if (MAPPED.check(address, 'ipv6') && bits >= MAPPED_BITS)
      return this.#ipv4.addSubnet(unmapped(address), bits - MAPPED_BITS, 'ipv4')
    this.#ipv6.addSubnet(address, bits, 'ipv6')
  }
}

/** The IPv4 address in a mapped one, however that is written. */
function unmapped(address: string): string {
  // A URL writes every IPv6 address in one form: `[::ffff:a01:203]` (WHATWG URL, "IPv6 serializer").
  const [high = 0, low = 0] = new URL(`http://[${address}]`).hostname
    .slice('[::ffff:'.length, -1)
    .split(':')
    .map((group) => Number.parseInt(group, 16))
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}
