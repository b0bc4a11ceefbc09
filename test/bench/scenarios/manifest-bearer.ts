// The same manifest with a token of dockgate's own service, as docker asks.
import { send } from '../../support/http.ts'
import { REPOSITORY } from '../content/content.ts'
import type { Bench, Scenario } from '../scenario.ts'
import { ACCOUNT, type System } from '../system.ts'
import { bareHandler } from '../systems/bare-handler.ts'
import { dockgate } from '../systems/dockgate.ts'
import { ACCEPT } from './accept.ts'
import { measureSmallRequests } from './small-requests.ts'

const CONNECTIONS = 32

export const manifestBearer: Scenario = {
  name: 'manifest-bearer',
  title: `authenticated manifest hit by tag over TLS, Bearer, ${CONNECTIONS} connections`,
  unit: 'CPU µs per request',
  targets: () => [
    { subject: dockgate.name, against: bareHandler.name, limit: 2.5, text: '≤ 2.5 × the bare handler' },
  ],
  measure: (t, bench) => {
    const tokens = new Map<string, string>()
    const loggedIn: System = {
      name: dockgate.name,
      async start(scope, options) {
        const running = await dockgate.start(scope, options)
        tokens.set(running.url, await fetchToken(running.url, bench))
        return running
      },
    }
    return measureSmallRequests(t, bench, {
      systems: [loggedIn, bareHandler],
      path: bench.content.manifestPath,
      connections: CONNECTIONS,
      headers: ({ url }) => ({ Authorization: `Bearer ${tokens.get(url) ?? 'none'}`, Accept: ACCEPT }),
    })
  },
}

async function fetchToken(url: string, { tls }: Bench): Promise<string> {
  const scope = encodeURIComponent(`repository:${REPOSITORY}:pull`)
  const options = { ca: tls.ca, account: ACCOUNT }
  const answer = await send(`${url}/token?service=dockgate&scope=${scope}`, options)
  return answer.json<{ token: string }>().token
}
