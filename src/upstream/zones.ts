// Where an IP address lies, as far as it matters to who may send us there.
import { BlockList, isIP } from 'node:net'

/** `link` holds what only a machine's own link answers, the metadata services of clouds among it. */
export type Zone = 'public' | 'private' | 'link' | 'loopback'

/** RFC 6890 and its successors. An IPv4 network stands for its IPv6 forms, too. */
const LOOPBACK = networks('127.0.0.0/8', '0.0.0.0/8', '::/96')
const LINK = networks(
  '169.254.0.0/16',
  'fe80::/10',
  // Metadata services elsewhere: EC2 over IPv6, Alibaba, Oracle, and Azure's, whose address looks public.
  'fd00:ec2::/32',
  '100.100.100.200/32',
  '192.0.0.192/32',
  '168.63.129.16/32',
)
const PRIVATE = networks(
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '192.0.0.0/24',
  '198.18.0.0/15',
  '224.0.0.0/3',
  'fc00::/7',
  'fec0::/10',
  'ff00::/8',
  // 6to4 and local NAT64 carry addresses of networks that can not be told from here.
  '2002::/16',
  '64:ff9b:1::/48',
)

/** The zone of an address; of what is none, the one that least leads to. */
export function zoneOf(address: string): Zone {
  const [bare = ''] = address.split('%')
  const version = isIP(bare)
  if (version === 0) return 'link'
  const isIn = (list: BlockList): boolean => list.check(bare, version === 6 ? 'ipv6' : 'ipv4')
  if (isIn(LINK)) return 'link'
  if (isIn(LOOPBACK)) return 'loopback'
  return isIn(PRIVATE) ? 'private' : 'public'
}

/**
 * Where an upstream was met, and so to which addresses it may send us. One that lies on the Internet stays outside, also when
 * its name once resolves to this machine.
 */
export class MeetingPlaces {
  readonly #zones = new Set<Zone>()

  add(address: string): void {
    this.#zones.add(zoneOf(address))
  }

  mayLeadTo(address: string): boolean {
    const zone = zoneOf(address)
    return this.#zones.size > 0 && [...this.#zones].every((from) => mayLead(from, zone))
  }
}

/** Never to what we reach and it does not; an upstream on this machine may have its bytes in the network around. */
function mayLead(from: Zone, to: Zone): boolean {
  return to === 'public' || to === from || (from === 'loopback' && to === 'private')
}

function networks(...subnets: readonly string[]): BlockList {
  const list = new BlockList()
  for (const subnet of subnets) {
    const [network = '', length = ''] = subnet.split('/')
    if (isIP(network) === 6) list.addSubnet(network, Number(length), 'ipv6')
    else {
      list.addSubnet(network, Number(length), 'ipv4') // and ::ffff:a.b.c.d
      list.addSubnet(`64:ff9b::${network}`, 96 + Number(length), 'ipv6') // NAT64, RFC 6052
    }
  }
  return list
}
