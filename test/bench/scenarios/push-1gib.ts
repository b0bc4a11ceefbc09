// A large blob from one client into the store: as docker sends it, and in chunks.
import { REPOSITORY } from '../content/content.ts'
import { pushBlob, pushBlobInChunks, type CurlOptions } from '../load/curl.ts'
import { GIB, MIB } from '../options.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import type { RunningSystem, System } from '../system.ts'
import { distribution } from '../systems/distribution.ts'
import { dockerRegistry } from '../systems/docker-registry.ts'
import { dockgate } from '../systems/dockgate.ts'
import { nginxRegistry } from '../systems/nginx-registry.ts'
import type { StoredBlob } from '../content/content.ts'
import type { Scope } from '../../support/scope.ts'
import { measureCpu } from './cpu.ts'

const CHUNK_BYTES = 16 * MIB

const TARGETS = [
  { subject: dockgate.name, against: distribution.name, limit: 1, text: '≤ distribution 3 with TLS' },
  { subject: dockgate.name, against: dockerRegistry.name, limit: 1, text: '≤ docker-registry with TLS' },
  { subject: dockgate.name, against: nginxRegistry.name, limit: 1, text: '≤ nginx + docker-registry' },
]

export const push1Gib: Scenario = {
  name: 'push-1gib',
  title: 'push of a 1 GiB blob over TLS (--quick: 256 MiB) as docker sends it, in one stream, one client',
  unit: 'CPU s per GiB',
  needs: ({ largeBlobBytes }) => ({ blobSizes: [largeBlobBytes] }),
  targets: () => TARGETS,
  measure: (t, bench) =>
    measurePush(t, bench, [dockgate, nginxRegistry, dockerRegistry, distribution], pushBlob),
}

export const pushChunks: Scenario = {
  name: 'push-chunks',
  title: `push of a 1 GiB blob over TLS (--quick: 256 MiB) in chunks of ${CHUNK_BYTES / MIB} MiB, one client`,
  unit: 'CPU s per GiB',
  needs: ({ largeBlobBytes }) => ({ blobSizes: [largeBlobBytes] }),
  targets: () => TARGETS.slice(0, 1),
  measure: (t, bench) =>
    measurePush(t, bench, [dockgate, distribution], (options, blob) =>
      pushBlobInChunks(options, blob, CHUNK_BYTES),
    ),
}

/** CPU s per GiB. */
export function measurePush(
  t: Scope,
  bench: Bench,
  systems: readonly System[],
  send: (options: CurlOptions, blob: StoredBlob) => Promise<void>,
): Promise<Figure[]> {
  const blob = bench.content.blob(bench.options.largeBlobBytes)
  const push = async ({ url }: RunningSystem) => {
    const [uploads, startedAt] = [`${url}/v2/${REPOSITORY}/blobs/uploads/`, performance.now()]
    await send({ url: uploads, certificate: bench.tls.certificate, signal: bench.signal }, blob)
    return { units: blob.size / GIB, seconds: (performance.now() - startedAt) / 1000 }
  }
  return measureCpu(t, bench, { systems, scale: 1, rate: 'GiB/s', warmUp: push, writes: true, work: push })
}
