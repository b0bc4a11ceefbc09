// A token for one repository; the password was checked before.
import { TOKEN_PATH } from '../load/token.ts'
import type { Scenario } from '../scenario.ts'
import { BASIC } from '../system.ts'
import { bareHandler } from '../systems/bare-handler.ts'
import { dockgate } from '../systems/dockgate.ts'
import { measureSmallRequests } from './small-requests.ts'

const CONNECTIONS = 8

export const token: Scenario = {
  name: 'token',
  title: `token for one repository over TLS, Basic, ${CONNECTIONS} connections; the bare handler signs one as well`,
  unit: 'CPU µs per request',
  targets: () => [],
  measure: (t, bench) =>
    measureSmallRequests(t, bench, {
      systems: [dockgate, bareHandler],
      path: TOKEN_PATH,
      connections: CONNECTIONS,
      headers: () => ({ Authorization: BASIC }),
    }),
}
