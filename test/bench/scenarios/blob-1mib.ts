// Blobs of a usual layer's size, one after the other.
import { blobPath } from '../content/content.ts'
import { MIB } from '../options.ts'
import type { Scenario } from '../scenario.ts'
import { BASIC } from '../system.ts'
import { bareHandler } from '../systems/bare-handler.ts'
import { dockgate } from '../systems/dockgate.ts'
import { nginxRegistry } from '../systems/nginx-registry.ts'
import { measureSmallRequests } from './small-requests.ts'

const CONNECTIONS = 8

export const blob1Mib: Scenario = {
  name: 'blob-1mib',
  title: `authenticated GET of a 1 MiB blob over TLS, ${CONNECTIONS} connections`,
  unit: 'CPU µs per request',
  needs: () => ({ blobSizes: [MIB] }),
  targets: () => [
    { subject: dockgate.name, against: nginxRegistry.name, limit: 1, text: '≤ nginx + docker-registry' },
  ],
  measure: (t, bench) =>
    measureSmallRequests(t, bench, {
      systems: [dockgate, bareHandler, nginxRegistry],
      path: blobPath(bench.content.blob(MIB).digest),
      connections: CONNECTIONS,
      headers: () => ({ Authorization: BASIC }),
    }),
}
