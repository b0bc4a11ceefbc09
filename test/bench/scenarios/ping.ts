// How every client begins: it asks for `/v2/`, is refused, and asks again with a login.
import type { Scenario } from '../scenario.ts'
import { BASIC } from '../system.ts'
import { bareHandler } from '../systems/bare-handler.ts'
import { openDistribution } from '../systems/distribution.ts'
import { dockgate } from '../systems/dockgate.ts'
import { nginxRegistry } from '../systems/nginx-registry.ts'
import { nginxStatic } from '../systems/nginx-static.ts'
import { measureSmallRequests } from './small-requests.ts'

const CONNECTIONS = 32

export const ping: Scenario = {
  name: 'ping',
  title: `GET /v2/ over TLS, Basic, ${CONNECTIONS} connections`,
  unit: 'CPU µs per request',
  targets: () => [
    { subject: dockgate.name, against: bareHandler.name, limit: 2, text: '≤ 2 × the bare handler' },
  ],
  measure: (t, bench) =>
    measureSmallRequests(t, bench, {
      systems: [dockgate, bareHandler, nginxStatic, nginxRegistry, openDistribution],
      path: '/v2/',
      connections: CONNECTIONS,
      headers: () => ({ Authorization: BASIC }),
    }),
}

export const refusal: Scenario = {
  name: 'refusal',
  title: `GET /v2/ over TLS without a login, answered 401, ${CONNECTIONS} connections`,
  unit: 'CPU µs per request',
  targets: () => [
    { subject: dockgate.name, against: bareHandler.name, limit: 2, text: '≤ 2 × the bare handler' },
  ],
  measure: (t, bench) =>
    measureSmallRequests(t, bench, {
      systems: [dockgate, bareHandler, nginxRegistry],
      path: '/v2/',
      connections: CONNECTIONS,
      headers: () => ({}),
      isRefused: true,
    }),
}
