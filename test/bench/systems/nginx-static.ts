// The practical limit: nginx sends the same bytes as files, without login.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { hexOf, type Digest } from '../../../src/oci/digest.ts'
import { temporaryFolder } from '../../support/scope.ts'
import { blobPath } from '../content/content.ts'
import type { System } from '../system.ts'
import { nginxListener, startPinnedNginx } from './nginx-registry.ts'

export const nginxStatic: System = {
  name: 'nginx, static files',
  async start(t, { tls, isPlain, content }) {
    if (!content) throw new Error('nginx serves what is there')
    const folder = await temporaryFolder(t)
    const fileOf = (manifest: { digest: Digest }): string => join(folder, `${hexOf(manifest.digest)}.json`)
    for (const { manifest } of content.manifests) await writeFile(fileOf(manifest), manifest.bytes)
    const locations = [
      `location = /v2/ { default_type application/json; return 200 '{}'; }`,
      ...content.manifests.map(({ path, manifest }) => location(path, fileOf(manifest), manifest.mediaType)),
      ...content.blobs.map(({ digest, file: data }) => location(blobPath(digest), data, BYTES)),
    ]
    const { port, pid } = await startPinnedNginx(
      t,
      (free) => `
  sendfile on;
  tcp_nopush on;
  open_file_cache max=1000;
  server {
    ${nginxListener(free, { tls, isPlain })}
    ${locations.join('\n    ')}
  }`,
    )
    return { name: this.name, url: `${isPlain ? 'http' : 'https'}://127.0.0.1:${port}`, pids: [pid] }
  },
}

const BYTES = 'application/octet-stream'

function location(path: string, file: string, type: string): string {
  return `location = ${path} { alias ${file}; types { } default_type ${type}; }`
}
