// A tag that the mirror knows: the upstream should not hear of it.
import { manifestPath } from '../content/content.ts'
import { startUpstream, UPSTREAM_TAG } from '../content/upstream.ts'
import { runWrk } from '../load/wrk.ts'
import type { Scenario } from '../scenario.ts'
import { BASIC, type RunningSystem } from '../system.ts'
import { DOCKGATE_MIRROR, dockgateMirror, nginxMirror, registryMirror } from '../systems/mirrors.ts'
import { ACCEPT } from './accept.ts'
import { measureCpu } from './cpu.ts'

const CONNECTIONS = 32
const ASKED = 'asked upstream'

export const mirrorWarm: Scenario = {
  name: 'mirror-warm',
  title: `manifest by tag that a mirror knows, over TLS, ${CONNECTIONS} connections; requests that reach the upstream`,
  unit: 'CPU µs per request',
  targets: () => [{ subject: DOCKGATE_MIRROR, column: ASKED, limit: 0, text: 'no request to the upstream' }],
  measure: async (t, bench) => {
    const upstream = await startUpstream(t, { images: 1 })
    const hit = ({ url }: RunningSystem, seconds: number) =>
      runWrk({
        url: `${url}${manifestPath('cold/app-0', UPSTREAM_TAG)}`,
        headers: { Authorization: BASIC, Accept: ACCEPT },
        connections: CONNECTIONS,
        seconds,
        signal: bench.signal,
      })
    return measureCpu(t, bench, {
      systems: [dockgateMirror, registryMirror, nginxMirror].map((mirror) => mirror(upstream.url)),
      scale: 1e6,
      rate: 'requests/s',
      warmUp: (system) => hit(system, bench.options.warmUpSeconds),
      work: async (system) => {
        const before = await upstream.sent()
        const { requests, seconds, p50Ms, p99Ms } = await hit(system, bench.options.seconds)
        const asked = (await upstream.sent()).requests - before.requests
        return { units: requests, seconds, details: { 'p50 ms': p50Ms, 'p99 ms': p99Ms, [ASKED]: asked } }
      },
    })
  },
}
