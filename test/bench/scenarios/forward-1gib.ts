// A large blob of a registry behind, to one client and from one.
import { pushBlob } from '../load/curl.ts'
import type { Scenario } from '../scenario.ts'
import { FRONT_TARGET, FRONTS } from '../systems/fronts.ts'
import { measureLargePull } from './blob-hit.ts'
import { measurePush } from './push-1gib.ts'

export const forward1Gib: Scenario = {
  name: 'forward-1gib',
  title: "GET of a 1 GiB blob of a registry behind (--quick: 256 MiB), over TLS: the front's own share",
  unit: 'CPU s per GiB',
  needs: ({ largeBlobBytes }) => ({ blobSizes: [largeBlobBytes] }),
  targets: () => [FRONT_TARGET],
  measure: (t, bench) => measureLargePull(t, bench, FRONTS),
}

export const forwardPush: Scenario = {
  name: 'forward-push',
  title: "push of a 1 GiB blob to a registry behind (--quick: 256 MiB), over TLS: the front's own share",
  unit: 'CPU s per GiB',
  isExtra: true,
  needs: ({ largeBlobBytes }) => ({ blobSizes: [largeBlobBytes] }),
  targets: () => [FRONT_TARGET],
  measure: (t, bench) => measurePush(t, bench, FRONTS, pushBlob),
}
