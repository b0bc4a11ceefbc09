// What a client that pulls notices of all that goes on beside it: logins, a collection, a push.
import { send } from '../../support/http.ts'
import { copyOf } from '../content/copy.ts'
import { REPOSITORY } from '../content/content.ts'
import { pushBlob } from '../load/curl.ts'
import { loginSteadily, writeManyAccounts } from '../load/logins.ts'
import { runWrk, type WrkSummary } from '../load/wrk.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { median, shown } from '../statistics.ts'
import { ACCOUNT, BASIC, type RunningSystem, type System } from '../system.ts'
import { bareHandler } from '../systems/bare-handler.ts'
import { startDockgate } from '../systems/dockgate.ts'
import { ACCEPT } from './accept.ts'

const CONNECTIONS = 16
const PACE_MS = 20
const LOGIN_EVERY_MS = 500
const BCRYPT_COST = 12
const LIMIT = 2
/** So many seconds for each one of `--seconds`: few requests come in a second, and a login takes a third of one. */
const STRETCH = 2
/** Until all that goes on beside the hits is compiled: V8 does that in threads which take the core from who answers. */
const WARM_UP_ROUNDS = 3
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
    const [running, bare] = [await bench.start(t, system), await bench.start(t, bareHandler)]
    if (!running || !bare) throw new Error('dockgate did not start')
    const { login, collect, push } = nuisances(bench, running)
    const all = [login, collect, push]
    for (const each of [running, bare]) await hits(bench, each, bench.options.warmUpSeconds)
    for (let round = 1; round <= WARM_UP_ROUNDS; round += 1)
      for (const each of [running, bare]) await hitsBeside(bench, each, all)
    return measureBeside(bench, [
      { subject: ALONE, asked: running, beside: [] },
      { subject: 'dockgate beside 2 logins/s', asked: running, beside: [login] },
      { subject: 'dockgate beside a collection', asked: running, beside: [collect] },
      { subject: 'dockgate beside a push', asked: running, beside: [push] },
      { subject: ALL, asked: running, beside: all },
      { subject: `${bareHandler.name} alone`, asked: bare, beside: [] },
      // What is left when the two processes share nothing but the core.
      { subject: `${bareHandler.name} beside all of it`, asked: bare, beside: all },
    ])
  },
}

interface Subject {
  readonly subject: string
  /** Who is asked for manifests; the other work is dockgate's. */
  readonly asked: RunningSystem
  readonly beside: readonly Nuisance[]
}

function nuisances(bench: Bench, { url, adminUrl = '' }: RunningSystem) {
  let accounts = 0
  const next = (): number => accounts++
  const login: Nuisance = (signal) => loginSteadily({ url, ca: bench.tls.ca, next, signal }, LOGIN_EVERY_MS)
  const collect = repeated((signal) => collectGarbage(adminUrl, signal))
  const blob = bench.content.blob(bench.options.largeBlobBytes)
  const [uploads, certificate] = [`${url}/v2/${REPOSITORY}/blobs/uploads/`, bench.tls.certificate]
  const push = repeated((signal) => pushBlob({ url: uploads, certificate, signal, isPatient: true }, blob))
  return { login, collect, push }
}

async function collectGarbage(adminUrl: string, signal: AbortSignal): Promise<void> {
  const answer = await send(`${adminUrl}/api/stores/main/gc`, {
    method: 'POST',
    account: ACCOUNT,
    headers: { 'Content-Type': 'application/json' },
    body: '{}',
    signal,
  })
  if (!answer.text().includes('"result"')) throw new Error(`the collection was answered ${answer.text()}`)
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

async function measureBeside(bench: Bench, subjects: readonly Subject[]): Promise<Figure[]> {
  const samples = subjects.map(() => new Array<WrkSummary>())
  for (let run = 1; run <= bench.options.runs; run += 1)
    for (const [at, { subject, asked, beside }] of subjects.entries()) {
      bench.progress(`run ${run} of ${bench.options.runs}: ${subject}`)
      samples[at]?.push(await hitsBeside(bench, asked, beside))
    }
  return subjects.map(({ subject }, at) => figureOf(subject, samples[at] ?? []))
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
