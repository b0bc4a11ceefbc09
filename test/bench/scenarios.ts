// Everything that can be measured, in the order in which it is.
import type { Scenario } from './scenario.ts'
import { access } from './scenarios/access.ts'
import { blob1Gib } from './scenarios/blob-1gib.ts'
import { blob1Mib } from './scenarios/blob-1mib.ts'
import { busyHour } from './scenarios/busy-hour.ts'
import { forward } from './scenarios/forward.ts'
import { idleConnections } from './scenarios/idle-connections.ts'
import { manifestBasic } from './scenarios/manifest-basic.ts'
import { manifestBearer } from './scenarios/manifest-bearer.ts'
import { manifestPut } from './scenarios/manifest-put.ts'
import { memory } from './scenarios/memory.ts'
import { newConnections } from './scenarios/new-connections.ts'
import { push1Gib } from './scenarios/push-1gib.ts'
import { start } from './scenarios/start.ts'

export const SCENARIOS: readonly Scenario[] = [
  manifestBasic,
  manifestBearer,
  manifestPut,
  newConnections,
  busyHour,
  blob1Mib,
  blob1Gib,
  push1Gib,
  forward,
  idleConnections,
  start,
  memory,
  access,
]
