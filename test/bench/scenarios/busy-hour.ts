// What a client that pulls notices of all that goes on beside it: logins, a collection, a push.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { MAIN } from '../../support/gateway.ts'
import { copyOf } from '../content/copy.ts'
import { REPOSITORY } from '../content/content.ts'
import { pushBlob } from '../load/curl.ts'
import { loginSteadily, writeManyAccounts } from '../load/logins.ts'
import { runWrk, type WrkSummary } from '../load/wrk.ts'
import { CLIENT_CORE, pinned } from '../pinned.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { median, shown } from '../statistics.ts'
import { BASIC, type RunningSystem, type System } from '../system.ts'
import { startDockgate } from '../systems/dockgate.ts'
import { ACCEPT } from './accept.ts'

const CONNECTIONS = 16
const PACE_MS = 20
const LOGIN_EVERY_MS = 500
const BCRYPT_COST = 12
const LIMIT = 2
/** So many seconds for each one of `--seconds`: few requests come in a second, and a login takes a third of one. */
const STRETCH = 2
const ALONE = 'dockgate alone'
const ALL = 'dockgate beside all of it'

/** Goes on until `stop` is aborted. */
type Nuisance = (stop: AbortSignal) => Promise<unknown>

export const busyHour: Scenario = {
  name: 'busy-hour',
  title: `p99 of manifest hits (${CONNECTIONS} connections, one every ${PACE_MS} ms each) beside logins (bcrypt, cost ${BCRYPT_COST}), a garbage collection, a push`,
  unit: 'p99 ms',
  needs: ({ largeBlobBytes }) => ({ blobSizes: [largeBlobBytes], manyRepositories: true }),
  targets: () => [
    { subject: ALL, against: ALONE, limit: LIMIT, text: `beside all of it ≤ ${LIMIT} × alone` },
  ],
  measure: async (t, bench) => {
    const htpasswd = await writeManyAccounts(t, { count: 5000, cost: BCRYPT_COST })
    // What is collected here, other scenarios still need.
    const root = await copyOf(t, bench.content.root)
    const sections = { stores: { main: { filesystem: { root }, gc: { grace: '1s' } } } }
    const system: System = {
      name: 'dockgate',
      start: (scope, options) => startDockgate(scope, { ...options, name: 'dockgate', htpasswd, sections }),
    }
    const running = await bench.start(t, system)
    if (!running) throw new Error('dockgate did not start')
    await hits(bench, running, 2)
    return measureBeside(bench, running, nuisances(bench, running))
  },
}

function nuisances(bench: Bench, { url, configFile = '' }: RunningSystem): Map<string, readonly Nuisance[]> {
  let accounts = 0
  const next = (): number => accounts++
  const login: Nuisance = (signal) => loginSteadily({ url, ca: bench.tls.ca, next, signal }, LOGIN_EVERY_MS)
  const collect = repeated(async (signal) => {
    const [program, ...args] = pinned(CLIENT_CORE, [process.execPath, MAIN, 'gc', 'main', '-c', configFile])
    await promisify(execFile)(program, args, { signal })
  })
  const blob = bench.content.blob(bench.options.largeBlobBytes)
  const uploads = `${url}/v2/${REPOSITORY}/blobs/uploads/`
  const push = repeated((signal) =>
    pushBlob({ url: uploads, certificate: bench.tls.certificate, signal }, blob),
  )
  return new Map([
    [ALONE, []],
    ['dockgate beside 2 logins/s', [login]],
    ['dockgate beside a collection', [collect]],
    ['dockgate beside a push', [push]],
    [ALL, [login, collect, push]],
  ])
}

/** One after the other; the last one is cut off. */
function repeated(work: Nuisance): Nuisance {
  return async (stop) => {
    while (!stop.aborted)
      await work(stop).catch((error: unknown) => {
        if (!stop.aborted) throw error
      })
  }
}

async function measureBeside(
  bench: Bench,
  running: RunningSystem,
  subjects: ReadonlyMap<string, readonly Nuisance[]>,
): Promise<Figure[]> {
  const samples = new Map([...subjects.keys()].map((subject) => [subject, new Array<WrkSummary>()]))
  for (let run = 1; run <= bench.options.runs; run += 1)
    for (const [subject, beside] of subjects) {
      bench.progress(`run ${run} of ${bench.options.runs}: ${subject}`)
      samples.get(subject)?.push(await hitsBeside(bench, running, beside))
    }
  return [...samples].map(([subject, all]) => figureOf(subject, all))
}

async function hitsBeside(
  bench: Bench,
  running: RunningSystem,
  beside: readonly Nuisance[],
): Promise<WrkSummary> {
  const stop = new AbortController()
  const signal = AbortSignal.any([bench.signal, stop.signal])
  const ended = Promise.all(beside.map((nuisance) => nuisance(signal)))
  ended.catch(() => undefined) // awaited below, once the hits are through
  try {
    return await hits(bench, running, bench.options.seconds * STRETCH)
  } finally {
    stop.abort()
    await ended
  }
}

function hits({ content, signal }: Bench, { url }: RunningSystem, seconds: number): Promise<WrkSummary> {
  const headers = { Authorization: BASIC, Accept: ACCEPT }
  const pace = { connections: CONNECTIONS, paceMs: PACE_MS }
  return runWrk({ url: `${url}${content.manifestPath}`, headers, ...pace, seconds, signal })
}

function figureOf(subject: string, samples: readonly WrkSummary[]): Figure {
  const runs = samples.map(({ p99Ms }) => p99Ms)
  const details = {
    'p50 ms': shown(median(samples.map(({ p50Ms }) => p50Ms))),
    'requests/s': shown(median(samples.map(({ requests, seconds }) => requests / seconds))),
  }
  return { subject, value: median(runs), runs, details }
}
