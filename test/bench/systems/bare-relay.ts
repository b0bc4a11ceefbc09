// The platform's floor of passing on: a node:https server that pipes each request to a core, and its answer back.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestCertificate } from '../../support/certificates.ts'
import { freePort } from '../../support/port.ts'
import { temporaryFolder, type Scope } from '../../support/scope.ts'
import { startServer } from '../pinned.ts'
import type { RunningSystem } from '../system.ts'
import type { RelayServerOptions } from './relay-server.ts'

export const BARE_RELAY = 'bare node:https relay'

const SERVER = join(import.meta.dirname, 'relay-server.ts')

/** `core` is an origin, `http://127.0.0.1:5000`. */
export async function startBareRelay(
  t: Scope,
  { tls, core }: { tls: TestCertificate; core: string },
): Promise<RunningSystem> {
  const folder = await temporaryFolder(t)
  const [port, file] = [await freePort(), join(folder, 'options.json')]
  const options: RelayServerOptions = { port, certificate: tls.certificate, key: tls.key, core }
  await writeFile(file, JSON.stringify(options))
  const { pid } = await startServer(t, {
    command: [process.execPath, SERVER, file],
    logFile: join(folder, 'output.log'),
    ready: (program) => program.log().includes('listening'),
  })
  return { name: BARE_RELAY, url: `https://127.0.0.1:${port}`, pids: [pid] }
}
