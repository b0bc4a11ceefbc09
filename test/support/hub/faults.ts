// Faults that a test switches on for the requests it names.
import type { HubRequest, HubServer } from './exchange.ts'

/** What goes wrong. `afterBytes` counts bytes of the body; without it the fault strikes before the headers. */
export type Fault =
  | {
      kind: 'status'
      status: number
      retryAfter?: number | string
      message?: string
      headers?: Readonly<Record<string, string>>
    }
  | { kind: 'redirect'; to: string; status?: number }
  /** Redirects to where the request came in, for ever. */
  | { kind: 'redirect-loop' }
  /** Changes headers of a reply that is otherwise right; undefined takes one away. */
  | { kind: 'headers'; set: Readonly<Record<string, string | undefined>> }
  /** Waits until the fault is removed, then goes on as if nothing had been. */
  | { kind: 'hang'; afterBytes?: number }
  | { kind: 'slow'; bytesPerSecond: number }
  /** Resets the connection (RST). */
  | { kind: 'reset'; afterBytes?: number }
  /** Announces the whole length, closes after `afterBytes`. */
  | { kind: 'truncate'; afterBytes: number }
  /** The right length, one bit in the middle flipped. */
  | { kind: 'wrong-bytes' }
  /** The length that it announces, but `by` bytes too many or (negative) too few. */
  | { kind: 'wrong-length'; by: number }
  /** Does not announce the length (chunked), and sends so many spaces more: JSON stays what it was, and gets huge. */
  | { kind: 'unannounced'; extraBytes?: number }
  /** Sends the body compressed with gzip, whatever was asked for. */
  | { kind: 'compressed' }
  /** The right reply, but `action` comes between it and the next request: a tag moves after it was looked at. */
  | { kind: 'meanwhile'; action: () => void }

/** Requests that a fault strikes: all that is given has to hold. */
export interface FaultMatch {
  readonly server?: HubServer
  readonly method?: string
  /** A piece of the path with its query, or an expression on it. */
  readonly path?: string | RegExp
}

export interface ActiveFault {
  readonly fault: Fault
  /** How many requests it has struck. */
  readonly hits: number
  /** Resolves once the fault is removed. */
  readonly removed: Promise<void>
  /** Strikes no more, and lets go of requests that hang. */
  remove(): void
}

/** Whether `request` is one of those that `match` names. */
export function matches(match: FaultMatch, request: Pick<HubRequest, 'server' | 'method' | 'path'>): boolean {
  if (match.server !== undefined && match.server !== request.server) return false
  if (match.method !== undefined && match.method !== request.method) return false
  if (match.path === undefined) return true
  return typeof match.path === 'string' ? request.path.includes(match.path) : match.path.test(request.path)
}

/** The faults in force; the one added last strikes first. */
export class Faults {
  readonly #active: { match: FaultMatch; left: number; strike: () => ActiveFault; remove: () => void }[] = []

  /** Strikes the next `times` requests that match; all of them by default. */
  add(match: FaultMatch, fault: Fault, times = Infinity): ActiveFault {
    const { promise, resolve } = Promise.withResolvers<void>()
    let hits = 0
    const remove = (): void => {
      entry.left = 0
      resolve()
    }
    const active: ActiveFault = {
      fault,
      removed: promise,
      remove,
      get hits() {
        return hits
      },
    }
    const strike = (): ActiveFault => {
      hits += 1
      entry.left -= 1
      return active
    }
    const entry = { match, left: times, strike, remove }
    this.#active.unshift(entry)
    return active
  }

  /** The fault that strikes `request`, if any does. */
  strike(request: HubRequest): ActiveFault | undefined {
    return this.#active.find(({ match, left }) => left > 0 && matches(match, request))?.strike()
  }

  /** Removes every fault. */
  clear(): void {
    for (const entry of this.#active) entry.remove()
    this.#active.length = 0
  }
}
