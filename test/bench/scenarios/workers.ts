// What a second worker brings, where there are cores for it.
import { cpus } from 'node:os'
import { runWrk } from '../load/wrk.ts'
import type { Scenario } from '../scenario.ts'
import { shown, median } from '../statistics.ts'
import { BASIC, type RunningSystem } from '../system.ts'
import { dockgate, dockgateTwoWorkers } from '../systems/dockgate.ts'
import { takeTurns } from '../turns.ts'
import { ACCEPT } from './accept.ts'

const CONNECTIONS = 64
const FACTOR = 1.8

/** Two cores for the servers and two for the clients; else all servers share the one that they always have. */
const HAS_CORES = cpus().length >= 4
const CORES = HAS_CORES ? { servers: '0,1', clients: '2,3' } : { servers: '0', clients: '1' }

export const workers: Scenario = {
  name: 'workers',
  title: `time per manifest hit with one worker and with two, ${HAS_CORES ? 'on two cores' : 'on one core'}`,
  unit: 'µs per request',
  targets: () =>
    HAS_CORES
      ? [
          {
            subject: dockgateTwoWorkers.name,
            against: dockgate.name,
            limit: 1 / FACTOR,
            text: `2 workers serve ≥ ${FACTOR} × as much`,
          },
        ]
      : [],
  measure: async (t, bench) => {
    if (!HAS_CORES) bench.note('not judged: two workers need a machine with four cores')
    const hit = ({ url }: RunningSystem, seconds: number) =>
      runWrk({
        url: `${url}${bench.content.manifestPath}`,
        headers: { Authorization: BASIC, Accept: ACCEPT },
        connections: CONNECTIONS,
        seconds,
        signal: bench.signal,
        cores: CORES.clients,
      })
    const all = await takeTurns(t, bench, {
      systems: [dockgate, dockgateTwoWorkers],
      changes: { cores: CORES.servers },
      warmUp: (system) => hit(system, bench.options.warmUpSeconds),
      sample: (system) => hit(system, bench.options.seconds),
    })
    return all.map(({ running, samples }) => {
      const runs = samples.map(({ requests, seconds }) => (seconds / requests) * 1e6)
      const details = { 'p99 ms': shown(median(samples.map(({ p99Ms }) => p99Ms))) }
      return { subject: running.name, value: median(runs), runs, details }
    })
  },
}
