// A deployment: many machines pull the same image at the same moment.
import { LAYERED_TAG, REPOSITORY } from '../content/content.ts'
import { pullByCrowd } from '../load/pull-image.ts'
import type { Scenario } from '../scenario.ts'
import type { RunningSystem } from '../system.ts'
import { bareHandler } from '../systems/bare-handler.ts'
import { openDistribution } from '../systems/distribution.ts'
import { dockgate } from '../systems/dockgate.ts'
import { nginxRegistry } from '../systems/nginx-registry.ts'
import { nginxStatic } from '../systems/nginx-static.ts'
import { measureCpu } from './cpu.ts'

const CLIENTS = 50

export const pullCrowd: Scenario = {
  name: 'pull-crowd',
  title: `${CLIENTS} concurrent pulls of an image with 20 layers of 1 MiB over TLS, Basic`,
  unit: 'CPU ms per pull',
  targets: () => [
    { subject: dockgate.name, against: nginxRegistry.name, limit: 1, text: '≤ nginx + docker-registry' },
  ],
  measure: (t, bench) => {
    const pull = async ({ url }: RunningSystem) => {
      const startedAt = performance.now()
      const what = { url, repository: REPOSITORY, tag: LAYERED_TAG, image: bench.content.layered }
      await pullByCrowd({ ...what, certificate: bench.tls.certificate, signal: bench.signal }, CLIENTS)
      return { units: CLIENTS, seconds: (performance.now() - startedAt) / 1000 }
    }
    return measureCpu(t, bench, {
      systems: [dockgate, bareHandler, nginxStatic, nginxRegistry, openDistribution],
      scale: 1e3,
      rate: 'pulls/s',
      warmUp: pull,
      work: pull,
    })
  },
}
