// Processes in front of registry:2. Their CPU time is their own, without what registry:2 itself spends: it runs beside the clients.
import { writeHtpasswd } from '../../support/htpasswd.ts'
import type { Target } from '../scenario.ts'
import type { Scope } from '../../support/scope.ts'
import { CLIENT_CORE } from '../pinned.ts'
import { ACCOUNT, type RunningSystem, type System, type SystemOptions } from '../system.ts'
import { BARE_RELAY, startBareRelay } from './bare-relay.ts'
import { startRegistry } from './docker-registry.ts'
import { startDockgate } from './dockgate.ts'
import { startNginxFront } from './nginx-registry.ts'

const LIMIT = 1.3

const dockgateFront: System = {
  name: 'dockgate in front',
  async start(t, options) {
    const core = await startCore(t, options)
    const upstreams = { core: { url: core.url } }
    const sections = { upstreams, repositories: { '**': { proxy: 'core' } }, stores: {} }
    return startDockgate(t, { ...options, name: this.name, sections })
  },
}

/** With an apr1 password file. */
const nginxFront: System = {
  name: 'nginx in front',
  async start(t, options) {
    const core = await startCore(t, options)
    const htpasswd = await writeHtpasswd(t, { [ACCOUNT.username]: ACCOUNT.password }, 'apr1')
    const front = await startNginxFront(t, { ...options, htpasswd, core: new URL(core.url).host })
    return { ...front, name: this.name }
  },
}

/** Without login and log. */
const bareFront: System = {
  name: BARE_RELAY,
  async start(t, options) {
    const core = await startCore(t, options)
    return startBareRelay(t, { tls: options.tls, core: core.url })
  },
}

function startCore(t: Scope, { root }: SystemOptions): Promise<RunningSystem> {
  return startRegistry(t, { root, cores: String(CLIENT_CORE) })
}

export const FRONTS: readonly System[] = [dockgateFront, nginxFront, bareFront]

export const FRONT_TARGET: Target = {
  subject: dockgateFront.name,
  against: nginxFront.name,
  limit: LIMIT,
  text: `≤ ${LIMIT} × nginx`,
}
