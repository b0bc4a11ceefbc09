// A cold image by a real client.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { scoped, temporaryFolder } from '../../support/scope.ts'
import { startUpstream, UPSTREAM_TAG, type UpstreamImage } from '../content/upstream.ts'
import { CLIENT_CORE, pinned } from '../pinned.ts'
import type { Bench, Scenario } from '../scenario.ts'
import { known } from '../../support/known.ts'
import { median } from '../statistics.ts'
import { ACCOUNT, type RunningSystem } from '../system.ts'
import {
  DOCKGATE_MIRROR,
  dockgateMirror,
  nginxMirror,
  REGISTRY_MIRROR,
  registryMirror,
} from '../systems/mirrors.ts'
import { takeTurns } from '../turns.ts'

export const mirrorSkopeo: Scenario = {
  name: 'mirror-skopeo',
  title: 'skopeo copies a cold image (5 layers of 2 MiB) through a mirror',
  unit: 'seconds',
  targets: () => [
    { subject: DOCKGATE_MIRROR, against: REGISTRY_MIRROR, limit: 1, text: "≤ docker-registry's proxy" },
  ],
  measure: async (t, bench) => {
    const upstream = await startUpstream(t, { images: bench.options.runs + 1 })
    const copy = (system: RunningSystem, run: number) => copyOnce(bench, system, known(upstream.images[run]))
    const all = await takeTurns(t, bench, {
      systems: [dockgateMirror, registryMirror, nginxMirror].map((mirror) => mirror(upstream.url)),
      warmUp: (system) => copy(system, 0),
      sample: copy,
    })
    return all.map(({ running, samples }) => ({
      subject: running.name,
      value: median(samples),
      runs: samples,
      details: {},
    }))
  },
}

/** Seconds. */
function copyOnce(bench: Bench, { url }: RunningSystem, { repository }: UpstreamImage): Promise<number> {
  return scoped(async (t) => {
    const from = `docker://${new URL(url).host}/${repository}:${UPSTREAM_TAG}`
    const to = `dir:${join(await temporaryFolder(t), 'image')}`
    const login = ['--src-creds', `${ACCOUNT.username}:${ACCOUNT.password}`]
    const trust = ['--src-cert-dir', bench.tls.caFolder, '--insecure-policy']
    const command = ['skopeo', 'copy', '--quiet', ...trust, ...login, from, to]
    const [program, ...args] = pinned(CLIENT_CORE, command)
    const startedAt = performance.now()
    await promisify(execFile)(program, args, { signal: bench.signal })
    return (performance.now() - startedAt) / 1000
  })
}
