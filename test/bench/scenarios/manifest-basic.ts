// A manifest by tag that every cache knows, with Basic credentials on every request.
import type { Scenario } from '../scenario.ts'
import { BASIC } from '../system.ts'
import { bareHandler } from '../systems/bare-handler.ts'
import { dockerRegistry, openDockerRegistry } from '../systems/docker-registry.ts'
import { dockgate } from '../systems/dockgate.ts'
import { nginxRegistry } from '../systems/nginx-registry.ts'
import { ACCEPT } from './accept.ts'
import { measureSmallRequests } from './small-requests.ts'

const CONNECTIONS = 32

export const manifestBasic: Scenario = {
  name: 'manifest-basic',
  title: `authenticated manifest hit by tag over TLS, Basic, ${CONNECTIONS} connections`,
  unit: 'CPU µs per request',
  targets: () => [
    { subject: dockgate.name, against: bareHandler.name, limit: 2.5, text: '≤ 2.5 × the bare handler' },
    { subject: dockgate.name, against: nginxRegistry.name, limit: 1 / 3, text: '≤ 1/3 of nginx + apr1' },
    {
      subject: dockgate.name,
      against: openDockerRegistry.name,
      limit: 1,
      text: '≤ docker-registry without a login',
    },
    {
      subject: dockgate.name,
      against: dockerRegistry.name,
      limit: 1 / 40,
      text: '≤ 1/40 of docker-registry + bcrypt',
    },
  ],
  measure: (t, bench) =>
    measureSmallRequests(t, bench, {
      systems: [dockgate, bareHandler, nginxRegistry, openDockerRegistry, dockerRegistry],
      path: bench.content.manifestPath,
      connections: CONNECTIONS,
      headers: () => ({ Authorization: BASIC, Accept: ACCEPT }),
    }),
}
