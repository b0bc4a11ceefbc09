// Many people log in at once, for the first time today: how many get in, and what those notice who pull meanwhile.
import { manifestPath, REPOSITORY, TAG } from '../content/content.ts'
import { loginByCrowd, writeManyAccounts } from '../load/logins.ts'
import { runWrk } from '../load/wrk.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { median, shown } from '../statistics.ts'
import { BASIC, type RunningSystem, type System } from '../system.ts'
import { distributionWith } from '../systems/distribution.ts'
import { startDockgate } from '../systems/dockgate.ts'
import { nginxBeforeRegistry } from '../systems/nginx-registry.ts'
import { takeTurns, type Sampled } from '../turns.ts'
import { ACCEPT } from './accept.ts'

const CLIENTS = 8
const BCRYPT_COST = 10
const ACCOUNTS = 20_000
const CONNECTIONS = 8
const PACE_MS = 20
const STRETCH = 2

interface Sample {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly loginsPerSecond: number
}

export const logins: Scenario = {
  name: 'logins',
  title: `p99 of paced manifest hits while ${CLIENTS} clients log in with ever new accounts (bcrypt, cost ${BCRYPT_COST})`,
  unit: 'p99 ms',
  targets: () => [],
  measure: async (t, bench) => {
    const many = { count: ACCOUNTS, cost: BCRYPT_COST }
    const htpasswd = await writeManyAccounts(t, many)
    const apr1 = await writeManyAccounts(t, { ...many, accountHash: 'apr1' })
    const ours: System = {
      name: 'dockgate',
      start: (scope, options) => startDockgate(scope, { ...options, name: 'dockgate', htpasswd }),
    }
    let accounts = 0
    const next = (): number => accounts++
    const all = await takeTurns(t, bench, {
      systems: [
        ours,
        nginxBeforeRegistry('nginx + docker-registry', () => Promise.resolve(apr1)),
        distributionWith('distribution 3', () => Promise.resolve(htpasswd)),
      ],
      warmUp: (running) => hits(bench, running, bench.options.warmUpSeconds),
      sample: (running) => sampleLogins(bench, running, next),
    })
    return all.map(figureOf)
  },
}

async function sampleLogins(bench: Bench, running: RunningSystem, next: () => number): Promise<Sample> {
  const stop = new AbortController()
  const signal = AbortSignal.any([bench.signal, stop.signal])
  const startedAt = performance.now()
  const crowd = loginByCrowd({ url: running.url, ca: bench.tls.ca, next, signal }, CLIENTS)
  crowd.catch(() => undefined) // awaited below, once the hits are through
  try {
    const { p50Ms, p99Ms } = await hits(bench, running, bench.options.seconds * STRETCH)
    stop.abort()
    const count = await crowd
    return { p50Ms, p99Ms, loginsPerSecond: (count * 1000) / (performance.now() - startedAt) }
  } finally {
    stop.abort()
  }
}

function hits({ signal }: Bench, { url }: RunningSystem, seconds: number) {
  const headers = { Authorization: BASIC, Accept: ACCEPT }
  const pace = { connections: CONNECTIONS, paceMs: PACE_MS }
  return runWrk({ url: `${url}${manifestPath(REPOSITORY, TAG)}`, headers, ...pace, seconds, signal })
}

function figureOf({ running, samples }: Sampled<Sample>): Figure {
  const runs = samples.map(({ p99Ms }) => p99Ms)
  const details = {
    'p50 ms': shown(median(samples.map(({ p50Ms }) => p50Ms))),
    'logins/s': shown(median(samples.map(({ loginsPerSecond }) => loginsPerSecond))),
  }
  return { subject: running.name, value: median(runs), runs, details }
}
