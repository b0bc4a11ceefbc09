// How soon a client that is connected already gets the first byte of a blob that the mirror does not have.
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent } from 'node:https'
import { open } from '../../support/http.ts'
import { startUpstream } from '../content/upstream.ts'
import { MIB } from '../options.ts'
import type { Scenario } from '../scenario.ts'
import { median, percentile, shown } from '../statistics.ts'
import { ACCOUNT, type RunningSystem } from '../system.ts'
import { BARE_RELAY } from '../systems/bare-relay.ts'
import {
  bareRelay,
  DOCKGATE_MIRROR,
  dockgateMirror,
  nginxMirror,
  registryMirror,
} from '../systems/mirrors.ts'
import { takeTurns } from '../turns.ts'

const BLOBS = 30
const LIMIT = 1.5

export const mirrorFirstByte: Scenario = {
  name: 'mirror-first-byte',
  title: `time to the first byte of ${BLOBS} cold blobs of 1 MiB, one after the other, on an open connection`,
  unit: 'p95 ms',
  targets: () => [
    {
      subject: DOCKGATE_MIRROR,
      against: BARE_RELAY,
      limit: LIMIT,
      text: `≤ ${LIMIT} × a bare streaming relay`,
    },
  ],
  measure: async (t, bench) => {
    const blobs = BLOBS * (bench.options.runs + 1)
    const upstream = await startUpstream(t, { images: 1, blobs, blobBytes: MIB })
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: bench.tls.ca })
    t.after(() => agent.destroy())
    const sample = async ({ url }: RunningSystem, run: number): Promise<number[]> => {
      const times: number[] = []
      for (const { digest, size } of upstream.blobs.slice(run * BLOBS, (run + 1) * BLOBS))
        times.push(await firstByteMs(`${url}/v2/cold/app-0/blobs/${digest}`, agent, size))
      return times
    }
    const mirrors = [dockgateMirror, bareRelay, registryMirror, nginxMirror]
    const all = await takeTurns(t, bench, {
      systems: mirrors.map((mirror) => mirror(upstream.url)),
      warmUp: (system) => sample(system, 0),
      sample,
    })
    return all.map(({ running, samples }) => {
      const runs = samples.map((times) => percentile(times, 95))
      const details = { 'p50 ms': shown(median(samples.map(median))) }
      return { subject: running.name, value: median(runs), runs, details }
    })
  },
}

/** Reads the blob to its end, so that the connection is free for the next one. */
async function firstByteMs(url: string, agent: Agent, size: number): Promise<number> {
  const startedAt = performance.now()
  const answer = await open(url, { agent, account: ACCOUNT })
  if (answer.statusCode !== 200) throw new Error(`${url} was answered ${answer.statusCode}`)
  const [first] = (await once(answer, 'data')) as [Buffer]
  const ms = performance.now() - startedAt
  const bytes = first.length + (await restOf(answer))
  if (bytes !== size) throw new Error(`${bytes} of ${size} bytes came from ${url}`)
  return ms
}

async function restOf(answer: IncomingMessage): Promise<number> {
  let bytes = 0
  for await (const chunk of answer) bytes += (chunk as Buffer).length
  return bytes
}
