// Pages from the middle of long lists.
import { MANY } from '../content/content.ts'
import { TAGGED_REPOSITORY } from '../content/many-repositories.ts'
import type { Scenario } from '../scenario.ts'
import { BASIC } from '../system.ts'
import { openDistribution } from '../systems/distribution.ts'
import { openDockerRegistry } from '../systems/docker-registry.ts'
import { dockgate } from '../systems/dockgate.ts'
import { measureSmallRequests } from './small-requests.ts'

const CONNECTIONS = 4

export const catalogPages: Scenario = listing({
  name: 'catalog',
  what: `a page of 100 of ${MANY} repositories`,
  path: '/v2/_catalog?n=100&last=team-a/many/app-01000',
})

export const tagPages: Scenario = listing({
  name: 'tags',
  what: `a page of 100 of ${MANY} tags`,
  path: `/v2/${TAGGED_REPOSITORY}/tags/list?n=100&last=1.0.01000`,
})

function listing({ name, what, path }: { name: string; what: string; path: string }): Scenario {
  return {
    name,
    title: `${what} over TLS, Basic, ${CONNECTIONS} connections`,
    unit: 'CPU µs per request',
    needs: () => ({ manyRepositories: true }),
    targets: () => [
      {
        subject: dockgate.name,
        against: openDistribution.name,
        limit: 1,
        text: '≤ distribution 3 without a login',
      },
    ],
    measure: (t, bench) =>
      measureSmallRequests(t, bench, {
        systems: [dockgate, openDockerRegistry, openDistribution],
        path,
        connections: CONNECTIONS,
        headers: () => ({ Authorization: BASIC }),
      }),
  }
}
