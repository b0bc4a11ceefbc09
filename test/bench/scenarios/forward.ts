// Blobs of a registry behind: what the process in front spends, without what registry:2 itself does.
import { writeHtpasswd } from '../../support/htpasswd.ts'
import { blobPath } from '../content/content.ts'
import { MIB } from '../options.ts'
import type { Scenario } from '../scenario.ts'
import { ACCOUNT, BASIC, type System } from '../system.ts'
import { startRegistry } from '../systems/docker-registry.ts'
import { startDockgate } from '../systems/dockgate.ts'
import { startNginxFront } from '../systems/nginx-registry.ts'
import { measureSmallRequests } from './small-requests.ts'

const CONNECTIONS = 8
const LIMIT = 1.3

/** In front of registry:2; its CPU time is that of the front alone. */
export const dockgateFront: System = {
  name: 'dockgate in front',
  async start(t, options) {
    const core = await startRegistry(t, { root: options.root })
    const sections = {
      upstreams: { core: { url: core.url } },
      repositories: { '**': { proxy: 'core' } },
      stores: {},
    }
    return startDockgate(t, { ...options, name: this.name, sections })
  },
}

/** The same of nginx, with an apr1 password file. */
export const nginxFront: System = {
  name: 'nginx in front',
  async start(t, options) {
    const core = await startRegistry(t, { root: options.root })
    const htpasswd = await writeHtpasswd(t, { [ACCOUNT.username]: ACCOUNT.password }, 'apr1')
    const front = await startNginxFront(t, { ...options, htpasswd, core: new URL(core.url).host })
    return { ...front, name: this.name }
  },
}

export const FORWARD_TARGET = {
  subject: dockgateFront.name,
  against: nginxFront.name,
  limit: LIMIT,
  text: `≤ ${LIMIT} × nginx`,
}

export const forward: Scenario = {
  name: 'forward',
  title: `GET of a 1 MiB blob of a registry behind, over TLS, ${CONNECTIONS} connections: the front's own share`,
  unit: 'CPU µs per request',
  needs: () => ({ blobSizes: [MIB] }),
  targets: () => [FORWARD_TARGET],
  measure: (t, bench) =>
    measureSmallRequests(t, bench, {
      systems: [dockgateFront, nginxFront],
      path: blobPath(bench.content.blob(MIB).digest),
      connections: CONNECTIONS,
      headers: () => ({ Authorization: BASIC }),
    }),
}
