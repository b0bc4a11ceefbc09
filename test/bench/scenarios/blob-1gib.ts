// A large blob from the disk to one client.
import { blobPath } from '../content/content.ts'
import { pullBlob } from '../load/curl.ts'
import { GIB } from '../options.ts'
import type { Scenario } from '../scenario.ts'
import type { RunningSystem } from '../system.ts'
import { bareHandler } from '../systems/bare-handler.ts'
import { dockerRegistry } from '../systems/docker-registry.ts'
import { dockgate } from '../systems/dockgate.ts'
import { nginxRegistry } from '../systems/nginx-registry.ts'
import { measureCpu } from './cpu.ts'

export const blob1Gib: Scenario = {
  name: 'blob-1gib',
  title: 'authenticated GET of a 1 GiB blob over TLS (--quick: 256 MiB), one client',
  unit: 'CPU s per GiB',
  needs: ({ largeBlobBytes }) => ({ blobSizes: [largeBlobBytes] }),
  targets: () => [
    { subject: dockgate.name, against: nginxRegistry.name, limit: 1, text: '≤ nginx + docker-registry' },
  ],
  measure: (t, bench) => {
    const { digest, size } = bench.content.blob(bench.options.largeBlobBytes)
    const pull = async ({ url }: RunningSystem) => {
      const [certificate, startedAt] = [bench.tls.certificate, performance.now()]
      const bytes = await pullBlob({ url: `${url}${blobPath(digest)}`, certificate, signal: bench.signal })
      if (bytes !== size) throw new Error(`${bytes} of ${size} bytes came from ${url}`)
      return { units: bytes / GIB, seconds: (performance.now() - startedAt) / 1000 }
    }
    return measureCpu(t, bench, {
      systems: [dockgate, bareHandler, nginxRegistry, dockerRegistry],
      scale: 1,
      rate: 'GiB/s',
      warmUp: pull,
      work: pull,
    })
  },
}
