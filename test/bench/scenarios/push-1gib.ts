// A large blob from one client into the store, as docker sends it: POST, one chunked PATCH, PUT.
import { REPOSITORY } from '../content/content.ts'
import { pushBlob } from '../load/curl.ts'
import { GIB } from '../options.ts'
import type { Scenario } from '../scenario.ts'
import type { RunningSystem } from '../system.ts'
import { dockerRegistry } from '../systems/docker-registry.ts'
import { dockgate } from '../systems/dockgate.ts'
import { nginxRegistry } from '../systems/nginx-registry.ts'
import { measureCpu } from './cpu.ts'

export const push1Gib: Scenario = {
  name: 'push-1gib',
  title: 'push of a 1 GiB blob over TLS (--quick: 256 MiB), one client',
  unit: 'CPU s per GiB',
  needs: ({ largeBlobBytes }) => ({ blobSizes: [largeBlobBytes] }),
  targets: () => [
    { subject: dockgate.name, against: dockerRegistry.name, limit: 1, text: '≤ docker-registry with TLS' },
    { subject: dockgate.name, against: nginxRegistry.name, limit: 1, text: '≤ nginx + docker-registry' },
  ],
  measure: (t, bench) => {
    const blob = bench.content.blob(bench.options.largeBlobBytes)
    const push = async ({ url }: RunningSystem) => {
      const [uploads, startedAt] = [`${url}/v2/${REPOSITORY}/blobs/uploads/`, performance.now()]
      await pushBlob({ url: uploads, certificate: bench.tls.certificate, signal: bench.signal }, blob)
      return { units: blob.size / GIB, seconds: (performance.now() - startedAt) / 1000 }
    }
    return measureCpu(t, bench, {
      systems: [dockgate, nginxRegistry, dockerRegistry],
      scale: 1,
      rate: 'GiB/s',
      warmUp: push,
      writes: true,
      work: push,
    })
  },
}
