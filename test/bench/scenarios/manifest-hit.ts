// A manifest that every cache knows: by tag or by digest, with each way to log in, by few clients and by many.
import { manifestPath, PUBLIC_REPOSITORY, REPOSITORY, TAG } from '../content/content.ts'
import { fetchToken } from '../load/token.ts'
import type { Scenario, Target } from '../scenario.ts'
import { BASIC, type System } from '../system.ts'
import { bareHandler } from '../systems/bare-handler.ts'
import { distribution, openDistribution } from '../systems/distribution.ts'
import { dockerRegistry, openDockerRegistry } from '../systems/docker-registry.ts'
import { dockgate, dockgateTwoWorkers } from '../systems/dockgate.ts'
import { nginxBcryptRegistry, nginxRegistry } from '../systems/nginx-registry.ts'
import { nginxStatic } from '../systems/nginx-static.ts'
import { ACCEPT } from './accept.ts'
import { measureSmallRequests } from './small-requests.ts'

type Login = 'basic' | 'bearer' | 'anonymous'
type By = 'tag' | 'digest'

interface Hit {
  readonly login: Login
  readonly by: By
  readonly connections: number
}

const USUAL = new Set([
  'basic-tag-1',
  'basic-tag-32',
  'basic-tag-512',
  'basic-digest-32',
  'bearer-tag-32',
  'anonymous-tag-32',
])
/** The one that all systems are measured at. */
const MAIN = 'basic-tag-32'

/** All of them, the ones of a usual run marked. */
export const MANIFEST_HITS: readonly Scenario[] = [1, 32, 512].flatMap((connections) =>
  (['basic', 'bearer', 'anonymous'] as const).flatMap((login) =>
    (['tag', 'digest'] as const).map((by) => manifestHit({ login, by, connections })),
  ),
)

const FEW_SYSTEMS = [dockgate, bareHandler, nginxStatic]
const ALL_SYSTEMS = [
  dockgate,
  dockgateTwoWorkers,
  bareHandler,
  nginxStatic,
  nginxRegistry,
  nginxBcryptRegistry,
  openDockerRegistry,
  dockerRegistry,
  openDistribution,
  distribution,
]

function manifestHit({ login, by, connections }: Hit): Scenario {
  const kind = `${login}-${by}-${connections}`
  const isMain = kind === MAIN
  const whose = login === 'anonymous' ? 'anonymous' : `authenticated (${login})`
  const clients = connections === 1 ? 'one connection' : `${connections} connections`
  return {
    name: `manifest-${kind}`,
    title: `${whose} manifest hit by ${by} over TLS, ${clients}`,
    unit: 'CPU µs per request',
    isExtra: !USUAL.has(kind),
    targets: () => [...HIT_TARGETS, ...(isMain ? LOGIN_TARGETS : [])],
    measure: (t, bench) => {
      const tokens = new Map<string, string>()
      const ours: System = {
        name: dockgate.name,
        async start(scope, options) {
          const running = await dockgate.start(scope, options)
          if (login === 'bearer') tokens.set(running.url, await fetchToken(running.url, options.tls))
          return running
        },
      }
      const repository = login === 'anonymous' ? PUBLIC_REPOSITORY : REPOSITORY
      const [, ...others] = isMain ? ALL_SYSTEMS : FEW_SYSTEMS
      return measureSmallRequests(t, bench, {
        systems: [ours, ...others],
        path: manifestPath(repository, by === 'tag' ? TAG : bench.content.manifest.digest),
        connections,
        headers: ({ url }) => ({ Accept: ACCEPT, ...loginHeader(login, tokens.get(url)) }),
      })
    },
  }
}

function loginHeader(login: Login, token = 'none'): Record<string, string> {
  if (login === 'anonymous') return {}
  return { Authorization: login === 'basic' ? BASIC : `Bearer ${token}` }
}

const HIT_TARGETS: readonly Target[] = [
  { subject: dockgate.name, against: bareHandler.name, limit: 2, text: '≤ 2 × the bare handler' },
  {
    subject: dockgate.name,
    against: bareHandler.name,
    limit: 1.3,
    text: '≤ 1.3 × the bare handler',
    isGoal: true,
  },
]

const LOGIN_TARGETS: readonly Target[] = [
  {
    subject: dockgate.name,
    against: nginxRegistry.name,
    limit: 1 / 3,
    text: '≤ 1/3 of nginx + apr1 + proxy_cache',
  },
  {
    subject: dockgate.name,
    against: openDistribution.name,
    limit: 1 / 5,
    text: '≤ 1/5 of distribution 3 without a login',
  },
  {
    subject: dockgate.name,
    against: distribution.name,
    limit: 1 / 40,
    text: '≤ 1/40 of distribution 3 + bcrypt',
  },
  {
    subject: dockgate.name,
    against: dockerRegistry.name,
    limit: 1 / 40,
    text: '≤ 1/40 of docker-registry + bcrypt',
  },
]
