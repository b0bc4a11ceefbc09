// How much memory a crowd costs: 20 clients pull and 5 push large blobs, half of them slowly.
import { setTimeout as pause } from 'node:timers/promises'
import { scoped, type Scope } from '../../support/scope.ts'
import { blobPath, type StoredBlob } from '../content/content.ts'
import { pullBlob, pushBlob, startUpload } from '../load/curl.ts'
import { MIB } from '../options.ts'
import { memoryOf } from '../process-accounts.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { shown } from '../statistics.ts'
import type { RunningSystem } from '../system.ts'
import { dockgate } from '../systems/dockgate.ts'

const PULLERS = 20
const PUSHERS = 5
const SLOW_BYTES_PER_SECOND = 2 * MIB
const LIMIT_MIB = 150
/** Until what the start left behind is collected. */
const SETTLE_MS = 2000

export const memory: Scenario = {
  name: 'memory',
  title: `peak memory above idle while ${PULLERS} clients pull and ${PUSHERS} push, every second one slowly`,
  unit: 'MiB',
  needs: ({ memoryBlobBytes }) => ({ blobSizes: memoryBlobBytes }),
  targets: ({ memoryBlobBytes }) =>
    memoryBlobBytes.map((size) => ({
      subject: subjectOf(size),
      limit: LIMIT_MIB,
      text: `≤ ${LIMIT_MIB} MiB with blobs of ${size / MIB} MiB`,
    })),
  measure: async (_, bench) => {
    const figures: Figure[] = []
    for (const size of bench.options.memoryBlobBytes)
      figures.push(await scoped((t) => measureSize(t, bench, size)))
    return figures
  },
}

/** Each size has a process of its own: a peak is never forgotten. */
async function measureSize(t: Scope, bench: Bench, size: number): Promise<Figure> {
  const system = await bench.start(t, dockgate)
  if (!system) throw new Error('dockgate did not start')
  const blob = bench.content.blob(size)
  const { certificate } = bench.tls
  const uploads = `${system.url}/v2/team-a/warm-up/blobs/uploads/`
  await startUpload({ url: uploads, certificate, signal: bench.signal })
  await pause(SETTLE_MS)
  const { rssBytes } = await memoryOf(system.pids)
  bench.progress(`${PULLERS} clients pull and ${PUSHERS} push ${size / MIB} MiB`)
  const startedAt = performance.now()
  await crowd(system, bench, blob)
  const seconds = (performance.now() - startedAt) / 1000
  const { peakRssBytes } = await memoryOf(system.pids)
  const value = (peakRssBytes - rssBytes) / MIB
  const details = {
    'idle MiB': shown(rssBytes / MIB),
    'peak MiB': shown(peakRssBytes / MIB),
    seconds: shown(seconds),
  }
  return { subject: subjectOf(size), value, runs: [value], details }
}

/** Ends when the fast clients are done; the slow ones are cut off then, which has to be harmless as well. */
async function crowd(system: RunningSystem, bench: Bench, blob: StoredBlob): Promise<void> {
  const fastAreDone = new AbortController()
  const signal = AbortSignal.any([bench.signal, fastAreDone.signal])
  const pace = (at: number) => (at % 2 === 1 ? SLOW_BYTES_PER_SECOND : undefined)
  const clients = [
    ...Array.from({ length: PULLERS }, (_, at) => ({
      isFast: pace(at) === undefined,
      done: pull(system, bench, blob, pace(at), signal),
    })),
    ...Array.from({ length: PUSHERS }, (_, at) => ({
      isFast: pace(at) === undefined,
      done: push(system, bench, blob, at, pace(at), signal),
    })),
  ]
  const ended = Promise.allSettled(clients.map(({ done }) => done))
  try {
    await Promise.all(clients.flatMap(({ isFast, done }) => (isFast ? [done] : [])))
  } finally {
    fastAreDone.abort()
    await ended
  }
}

async function pull(
  { url }: RunningSystem,
  { tls }: Bench,
  { digest, size }: StoredBlob,
  bytesPerSecond: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const options = { url: `${url}${blobPath(digest)}`, certificate: tls.certificate, bytesPerSecond, signal }
  const bytes = await pullBlob(options)
  if (bytes !== size) throw new Error(`${bytes} of ${size} bytes came`)
}

async function push(
  { url }: RunningSystem,
  { tls }: Bench,
  blob: StoredBlob,
  at: number,
  bytesPerSecond: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const uploads = `${url}/v2/team-a/pushed-${at}/blobs/uploads/`
  await pushBlob({ url: uploads, certificate: tls.certificate, bytesPerSecond, signal }, blob)
}

function subjectOf(size: number): string {
  return `dockgate, blobs of ${size / MIB} MiB`
}
