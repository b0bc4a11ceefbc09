// A cold image that fifty machines want at the same moment: how often its bytes cross the line.
import { startUpstream, UPSTREAM_TAG, type Upstream } from '../content/upstream.ts'
import { pullByCrowd, sizeOf } from '../load/pull-image.ts'
import { MIB } from '../options.ts'
import { cpuSecondsOf, memoryOf } from '../process-accounts.ts'
import type { Figure, Scenario } from '../scenario.ts'
import { median, shown } from '../statistics.ts'
import type { RunningSystem } from '../system.ts'
import { DOCKGATE_MIRROR, dockgateMirror, nginxMirror, registryMirror } from '../systems/mirrors.ts'
import { takeTurns, type Sampled } from '../turns.ts'

const CLIENTS = 50
/** Above one are the questions about tags and redirects, which have no bytes worth naming. */
const LIMIT = 1.001

interface Sample {
  readonly share: number
  readonly cpuMs: number
  readonly seconds: number
}

export const mirrorCrowd: Scenario = {
  name: 'mirror-crowd',
  title: `${CLIENTS} concurrent pulls of a cold image (5 layers of 2 MiB) through a mirror: bytes that the upstream sent`,
  unit: "× the image's bytes",
  targets: () => [{ subject: DOCKGATE_MIRROR, limit: LIMIT, text: '1.00 × from the upstream' }],
  measure: async (t, bench) => {
    // One for each run, and one to warm up.
    const upstream = await startUpstream(t, { images: bench.options.runs + 1 })
    const pull = (system: RunningSystem, run: number) =>
      crowd(upstream, system, run, { certificate: bench.tls.certificate, signal: bench.signal })
    const all = await takeTurns(t, bench, {
      systems: [dockgateMirror, registryMirror, nginxMirror].map((mirror) => mirror(upstream.url)),
      warmUp: (system) => pull(system, 0),
      sample: pull,
    })
    return Promise.all(all.map(figureOf))
  },
}

async function crowd(
  upstream: Upstream,
  system: RunningSystem,
  run: number,
  client: { certificate: string; signal: AbortSignal },
): Promise<Sample> {
  const cold = upstream.images[run]
  if (!cold) throw new Error(`there is no image for run ${run}`)
  const [before, cpuBefore, startedAt] = [
    await upstream.sent(),
    await cpuSecondsOf(system.pids),
    performance.now(),
  ]
  await pullByCrowd({ url: system.url, tag: UPSTREAM_TAG, ...cold, ...client }, CLIENTS)
  const seconds = (performance.now() - startedAt) / 1000
  const { bytes } = await upstream.sent()
  const cpuMs = ((await cpuSecondsOf(system.pids)) - cpuBefore) * 1000
  return { share: (bytes - before.bytes) / sizeOf(cold.image), cpuMs: cpuMs / CLIENTS, seconds }
}

async function figureOf({ running, samples }: Sampled<Sample>): Promise<Figure> {
  const runs = samples.map(({ share }) => share)
  const details = {
    'CPU ms per pull': shown(median(samples.map(({ cpuMs }) => cpuMs))),
    'seconds for all': shown(median(samples.map(({ seconds }) => seconds))),
    'peak MiB': shown((await memoryOf(running.pids)).peakRssBytes / MIB),
  }
  return { subject: running.name, value: median(runs), runs, details }
}
