// The platform's floor: a node:https server that does nothing but send the bytes.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from '../../support/port.ts'
import { temporaryFolder } from '../../support/scope.ts'
import { blobPath } from '../content/content.ts'
import { startServer } from '../pinned.ts'
import type { System } from '../system.ts'
import type { BareServerOptions } from './bare-server.ts'

const SERVER = join(import.meta.dirname, 'bare-server.ts')
/** Larger ones are streamed from the disk. */
const IN_MEMORY_BYTES = 16 * 1024 ** 2

export const bareHandler: System = {
  name: 'bare node:https',
  async start(t, { tls, content, isPlain }) {
    if (!content) throw new Error('the bare handler serves what is there')
    const folder = await temporaryFolder(t)
    const [port, file] = [await freePort(), join(folder, 'options.json')]
    const options: BareServerOptions = {
      port,
      ...(isPlain ? {} : { certificate: tls.certificate, key: tls.key }),
      manifests: content.manifests.map(({ path, manifest: { mediaType, digest, bytes } }) => ({
        path,
        type: mediaType,
        digest,
        base64: bytes.toString('base64'),
      })),
      blobs: content.blobs.map(({ digest, size, file: data }) => ({
        path: blobPath(digest),
        digest,
        size,
        file: data,
        isInMemory: size <= IN_MEMORY_BYTES,
      })),
    }
    await writeFile(file, JSON.stringify(options))
    const { pid } = await startServer(t, {
      command: [process.execPath, SERVER, file],
      logFile: join(folder, 'output.log'),
      ready: (program) => program.log().includes('listening'),
    })
    return { name: this.name, url: `${isPlain ? 'http' : 'https'}://127.0.0.1:${port}`, pids: [pid] }
  },
}
