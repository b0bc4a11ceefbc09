// Small blobs of a registry behind, to several clients.
import { blobPath } from '../content/content.ts'
import { MIB } from '../options.ts'
import type { Scenario } from '../scenario.ts'
import { BASIC } from '../system.ts'
import { FRONT_TARGET, FRONTS } from '../systems/fronts.ts'
import { measureSmallRequests } from './small-requests.ts'

const CONNECTIONS = 8

export const forwardBlobs: Scenario = {
  name: 'forward-blobs',
  title: `GET of a 1 MiB blob of a registry behind, over TLS, ${CONNECTIONS} connections: the front's own share`,
  unit: 'CPU µs per request',
  needs: () => ({ blobSizes: [MIB] }),
  targets: () => [FRONT_TARGET],
  measure: (t, bench) =>
    measureSmallRequests(t, bench, {
      systems: FRONTS,
      path: blobPath(bench.content.blob(MIB).digest),
      connections: CONNECTIONS,
      warmUps: 6,
      stretch: 3,
      headers: () => ({ Authorization: BASIC }),
    }),
}
