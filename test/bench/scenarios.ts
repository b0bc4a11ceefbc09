// Everything that can be measured, in the order in which it is.
import type { Scenario } from './scenario.ts'
import { access } from './scenarios/access.ts'
import { BLOB_HITS } from './scenarios/blob-hit.ts'
import { busyHour } from './scenarios/busy-hour.ts'
import { forward1Gib, forwardPush } from './scenarios/forward-1gib.ts'
import { forwardBlobs } from './scenarios/forward-blobs.ts'
import { catalogPages, tagPages } from './scenarios/listings.ts'
import { logins } from './scenarios/logins.ts'
import { mirrorCrowd } from './scenarios/mirror-crowd.ts'
import { mirrorFirstByte } from './scenarios/mirror-first-byte.ts'
import { mirrorSkopeo } from './scenarios/mirror-skopeo.ts'
import { mirrorWarm } from './scenarios/mirror-warm.ts'
import { pullCrowd } from './scenarios/pull-crowd.ts'
import { workers } from './scenarios/workers.ts'
import { idleConnections } from './scenarios/idle-connections.ts'
import { MANIFEST_HITS } from './scenarios/manifest-hit.ts'
import { manifestPut } from './scenarios/manifest-put.ts'
import { memory } from './scenarios/memory.ts'
import { newConnections } from './scenarios/new-connections.ts'
import { ping, refusal } from './scenarios/ping.ts'
import { push1Gib, pushChunks } from './scenarios/push-1gib.ts'
import { start } from './scenarios/start.ts'
import { token } from './scenarios/token.ts'

export const SCENARIOS: readonly Scenario[] = [
  ...MANIFEST_HITS,
  ping,
  refusal,
  token,
  manifestPut,
  newConnections,
  workers,
  logins,
  busyHour,
  ...BLOB_HITS,
  pullCrowd,
  push1Gib,
  pushChunks,
  forwardBlobs,
  forward1Gib,
  forwardPush,
  mirrorWarm,
  mirrorCrowd,
  mirrorFirstByte,
  mirrorSkopeo,
  catalogPages,
  tagPages,
  idleConnections,
  start,
  memory,
  access,
]
