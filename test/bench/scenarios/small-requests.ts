// The same GET again and again over kept-alive TLS connections.
import { runWrk } from '../load/wrk.ts'
import type { Bench, Figure } from '../scenario.ts'
import type { RunningSystem, System, SystemOptions } from '../system.ts'
import type { Scope } from '../../support/scope.ts'
import { measureCpu } from './cpu.ts'

export interface SmallRequests {
  readonly systems: readonly System[]
  readonly path: string
  readonly connections: number
  /** See {@link WrkOptions.manifestFile}. */
  readonly manifestFile?: string
  /** Whether 401 is what every request has to be answered. */
  readonly isRefused?: boolean
  readonly changes?: Partial<SystemOptions>
  /** Bursts before anything is measured; 1. Where few requests fit into one, compiled code takes more of them. */
  readonly warmUps?: number
  /** Seconds for each one of `--seconds`; 1. Likewise: a collection of garbage would be a tenth of a burst. */
  readonly stretch?: number
  readonly headers: (system: RunningSystem) => Readonly<Record<string, string>>
}

/** CPU µs per request. */
export function measureSmallRequests(t: Scope, bench: Bench, requests: SmallRequests): Promise<Figure[]> {
  const {
    systems,
    path,
    connections,
    headers,
    manifestFile,
    isRefused,
    changes,
    warmUps = 1,
    stretch = 1,
  } = requests
  const send = (system: RunningSystem, seconds: number) =>
    runWrk({
      url: `${system.url}${path}`,
      headers: headers(system),
      connections,
      seconds,
      signal: bench.signal,
      manifestFile,
      isRefused,
    })
  return measureCpu(t, bench, {
    systems,
    ...(changes === undefined ? {} : { changes }),
    scale: 1e6,
    rate: 'requests/s',
    warmUp: (system) => send(system, warmUps * bench.options.warmUpSeconds),
    work: async (system) => {
      const summary = await send(system, stretch * bench.options.seconds)
      const details = { 'p50 ms': summary.p50Ms, 'p99 ms': summary.p99Ms }
      return { units: summary.requests, seconds: summary.seconds, details }
    },
  })
}
