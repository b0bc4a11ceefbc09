// What dockerd and Debian's skopeo and podman do: a TLS connection for each request, no session taken up again.
import { requestOnFreshConnections } from '../load/fresh-connections.ts'
import type { Scenario } from '../scenario.ts'
import { BASIC, type RunningSystem } from '../system.ts'
import { bareHandler } from '../systems/bare-handler.ts'
import { openDockerRegistry } from '../systems/docker-registry.ts'
import { dockgate, dockgateTwoWorkers } from '../systems/dockgate.ts'
import { nginxStatic } from '../systems/nginx-static.ts'
import { ACCEPT } from './accept.ts'
import { measureCpu } from './cpu.ts'

const CONNECTIONS = 8
const REQUESTS_PER_SECOND = 2400
/** So few requests come in a second that compiled code takes several of the usual bursts. */
const WARM_UPS = 3
const LIMIT = 1.15

export const newConnections: Scenario = {
  name: 'new-connections',
  title: `one manifest hit on each new TLS connection (ECDSA P-256), Basic, ${CONNECTIONS} at one time`,
  unit: 'CPU µs per request',
  targets: () => [
    {
      subject: dockgate.name,
      against: bareHandler.name,
      limit: LIMIT,
      text: `≤ ${LIMIT} × the bare handler`,
    },
  ],
  measure: (t, bench) => {
    const work = async ({ url }: RunningSystem, requests: number) => {
      const { seconds, p50Ms, p99Ms } = await requestOnFreshConnections({
        url: `${url}${bench.content.manifestPath}`,
        headers: { Authorization: BASIC, Accept: ACCEPT },
        requests,
        connections: CONNECTIONS,
        signal: bench.signal,
      })
      return { units: requests, seconds, details: { 'p50 ms': p50Ms, 'p99 ms': p99Ms } }
    }
    return measureCpu(t, bench, {
      systems: [dockgate, dockgateTwoWorkers, bareHandler, nginxStatic, openDockerRegistry],
      scale: 1e6,
      rate: 'requests/s',
      warmUp: (system) => work(system, WARM_UPS * bench.options.warmUpSeconds * REQUESTS_PER_SECOND),
      work: (system) => work(system, bench.options.seconds * REQUESTS_PER_SECOND),
    })
  },
}
