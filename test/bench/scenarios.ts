// Everything that can be measured, in the order in which it is.
import type { Scenario } from './scenario.ts'
import { access } from './scenarios/access.ts'
import { BLOB_HITS } from './scenarios/blob-hit.ts'
import { busyHour } from './scenarios/busy-hour.ts'
import { forward1Gib, forwardPush } from './scenarios/forward-1gib.ts'
import { forwardBlobs } from './scenarios/forward-blobs.ts'
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
  busyHour,
  ...BLOB_HITS,
  push1Gib,
  pushChunks,
  forwardBlobs,
  forward1Gib,
  forwardPush,
  idleConnections,
  start,
  memory,
  access,
]
