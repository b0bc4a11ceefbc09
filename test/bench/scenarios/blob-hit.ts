// Blobs that lie on the disk: small ones and usual layers to several clients, a large one to one client; TLS and plain.
import { blobPath } from '../content/content.ts'
import { pullBlob } from '../load/curl.ts'
import { GIB, MIB } from '../options.ts'
import type { Bench, Figure, Scenario, Target } from '../scenario.ts'
import { BASIC, type RunningSystem, type System, type SystemOptions } from '../system.ts'
import { bareHandler } from '../systems/bare-handler.ts'
import { distribution, openDistribution } from '../systems/distribution.ts'
import { dockerRegistry } from '../systems/docker-registry.ts'
import { dockgate } from '../systems/dockgate.ts'
import { nginxRegistry } from '../systems/nginx-registry.ts'
import { nginxStatic } from '../systems/nginx-static.ts'
import type { Scope } from '../../support/scope.ts'
import { measureCpu } from './cpu.ts'
import { measureSmallRequests } from './small-requests.ts'

const CONNECTIONS = 8
const SMALL_SYSTEMS = [dockgate, bareHandler, nginxStatic, nginxRegistry, openDistribution]
const LARGE_SYSTEMS = [dockgate, bareHandler, nginxStatic, nginxRegistry, dockerRegistry, distribution]

const NGINX_TARGET: Target = {
  subject: dockgate.name,
  against: nginxRegistry.name,
  limit: 1,
  text: '≤ nginx + docker-registry',
}

const LARGE_TARGETS: readonly Target[] = [
  { ...NGINX_TARGET, limit: 0.7, text: '≤ 0.7 × nginx + docker-registry' },
  { subject: dockgate.name, against: distribution.name, limit: 1, text: '≤ distribution 3 with TLS' },
]

export const BLOB_HITS: readonly Scenario[] = [false, true].flatMap((isPlain) => [
  smallBlob({ name: 'blob-4kib', size: 4096, isPlain }),
  smallBlob({ name: 'blob-1mib', size: MIB, isPlain }),
  largeBlob(isPlain),
])

function smallBlob({ name, size, isPlain }: { name: string; size: number; isPlain: boolean }): Scenario {
  const what = size >= MIB ? `${size / MIB} MiB` : `${size / 1024} KiB`
  return {
    name: isPlain ? `${name}-plain` : name,
    title: `authenticated GET of a ${what} blob over ${isPlain ? 'plain HTTP' : 'TLS'}, ${CONNECTIONS} connections`,
    unit: 'CPU µs per request',
    isExtra: isPlain,
    needs: () => ({ blobSizes: [size] }),
    targets: () => [NGINX_TARGET],
    measure: (t, bench) =>
      measureSmallRequests(t, bench, {
        systems: SMALL_SYSTEMS,
        changes: { isPlain },
        path: blobPath(bench.content.blob(size).digest),
        connections: CONNECTIONS,
        headers: () => ({ Authorization: BASIC }),
      }),
  }
}

function largeBlob(isPlain: boolean): Scenario {
  return {
    name: isPlain ? 'blob-1gib-plain' : 'blob-1gib',
    title: `authenticated GET of a 1 GiB blob over ${isPlain ? 'plain HTTP' : 'TLS'} (--quick: 256 MiB), one client`,
    unit: 'CPU s per GiB',
    needs: ({ largeBlobBytes }) => ({ blobSizes: [largeBlobBytes] }),
    targets: () => (isPlain ? [] : LARGE_TARGETS),
    measure: (t, bench) => measureLargePull(t, bench, LARGE_SYSTEMS, { isPlain }),
  }
}

/** CPU s per GiB. */
export function measureLargePull(
  t: Scope,
  bench: Bench,
  systems: readonly System[],
  changes: Partial<SystemOptions> = {},
): Promise<Figure[]> {
  const { digest, size } = bench.content.blob(bench.options.largeBlobBytes)
  const pull = async ({ url }: RunningSystem) => {
    const [certificate, startedAt] = [bench.tls.certificate, performance.now()]
    const bytes = await pullBlob({ url: `${url}${blobPath(digest)}`, certificate, signal: bench.signal })
    if (bytes !== size) throw new Error(`${bytes} of ${size} bytes came from ${url}`)
    return { units: bytes / GIB, seconds: (performance.now() - startedAt) / 1000 }
  }
  return measureCpu(t, bench, { systems, changes, scale: 1, rate: 'GiB/s', warmUp: pull, work: pull })
}
