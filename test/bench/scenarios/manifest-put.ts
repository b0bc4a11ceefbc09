// Manifests that were never there before, each under a tag of its own; their blobs are there.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '../../support/scope.ts'
import { REPOSITORY } from '../content/content.ts'
import type { Scenario } from '../scenario.ts'
import { BASIC } from '../system.ts'
import { openDockerRegistry } from '../systems/docker-registry.ts'
import { dockgate } from '../systems/dockgate.ts'
import { nginxRegistry } from '../systems/nginx-registry.ts'
import { measureSmallRequests } from './small-requests.ts'

const CONNECTIONS = 8

export const manifestPut: Scenario = {
  name: 'manifest-put',
  title: `PUT of a new manifest by a new tag over TLS, Basic, ${CONNECTIONS} connections`,
  unit: 'CPU µs per request',
  targets: () => [
    {
      subject: dockgate.name,
      against: openDockerRegistry.name,
      limit: 1,
      text: '≤ docker-registry without a login',
    },
  ],
  measure: async (t, bench) => {
    const { bytes, mediaType } = bench.content.manifest
    const manifestFile = join(await temporaryFolder(t), 'manifest.json')
    const manifest: unknown = JSON.parse(bytes.toString())
    await writeFile(
      manifestFile,
      JSON.stringify({ ...Object(manifest), annotations: { number: '0000000000' } }),
    )
    return measureSmallRequests(t, bench, {
      systems: [dockgate, nginxRegistry, openDockerRegistry],
      path: `/v2/${REPOSITORY}/manifests/put-`,
      manifestFile,
      connections: CONNECTIONS,
      headers: () => ({ Authorization: BASIC, 'Content-Type': mediaType }),
    })
  },
}
