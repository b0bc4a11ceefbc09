// Connections to an upstream, and to where it sends us: that must not be what only this machine or its network can reach.
import { lookup, type LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import { buildConnector } from 'undici'
import { MeetingPlaces } from './zones.ts'

/** The upstream sends us to a host that lies where it must not send us. */
export class ForbiddenAddressError extends Error {
  override readonly name = 'ForbiddenAddressError'
  readonly code = 'FORBIDDEN_ADDRESS'
}

/** Answers every address of a name. */
export type Resolve = (
  hostname: string,
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

export interface Dials {
  /** To the upstream itself: the configuration names it, so any address will do. */
  readonly upstream: buildConnector.connector
  /** To where the configuration says that the upstream may send us: any address will do there, too. */
  readonly named: buildConnector.connector
  /**
   * To where the upstream sends us: a CDN, a token service. Addresses are checked as they are dialled, so that no name can
   * mean another between the two. Fails with {@link ForbiddenAddressError}.
   */
  readonly elsewhere: buildConnector.connector
}

export type DialOptions = buildConnector.BuildOptions & {
  /** For the upstream alone: the certificate that we are known to it by. */
  readonly upstream?: { readonly cert?: string; readonly key?: string }
}

export function createDials(
  { upstream: identity, ...options }: DialOptions,
  resolve: Resolve = resolveBySystem,
): Dials {
  const met = new MeetingPlaces()
  const isAllowed = (address: string): boolean => met.mayLeadTo(address)
  const dialUpstream = buildConnector({ ...options, ...identity, lookup: lookupBy(resolve) })
  const dialElsewhere = buildConnector({ ...options, lookup: lookupBy(resolve, isAllowed) })
  return {
    upstream: (target, callback) =>
      dialUpstream(target, (...result) => {
        const [, socket] = result
        if (socket?.remoteAddress !== undefined) met.add(socket.remoteAddress)
        callback(...result)
      }),
    named: buildConnector({ ...options, lookup: lookupBy(resolve) }),
    elsewhere: (target, callback) => {
      const literal = target.hostname.replace(/^\[(.*)\]$/, '$1')
      // Node asks no resolver about an address.
      if (isIP(literal) === 0 || isAllowed(literal)) return dialElsewhere(target, callback)
      return queueMicrotask(() => callback(forbidden(), null))
    },
  }
}

/** A lookup that answers only addresses that are allowed, as `net.connect` wants it. */
function lookupBy(resolve: Resolve, isAllowed: (address: string) => boolean = () => true): LookupFunction {
  return (hostname, { all }, callback) =>
    resolve(hostname, (error, addresses) => {
      const allowed = error ? [] : addresses.filter(({ address }) => isAllowed(address))
      const [first] = allowed
      if (!first) callback(error ?? forbidden(), [])
      else if (all === true) callback(null, allowed)
      else callback(null, first.address, first.family)
    })
}

function resolveBySystem(...[hostname, callback]: Parameters<Resolve>): void {
  lookup(hostname, { all: true }, callback)
}

function forbidden(): ForbiddenAddressError {
  return new ForbiddenAddressError('the host lies where the upstream must not lead to')
}
