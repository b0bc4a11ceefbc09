// registry:2 with TLS and a password file of its own, which has to be bcrypt.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestCertificate } from '../../support/certificates.ts'
import { writeHtpasswd } from '../../support/htpasswd.ts'
import { send } from '../../support/http.ts'
import { freePort } from '../../support/port.ts'
import { temporaryFolder, type Scope } from '../../support/scope.ts'
import { startServer } from '../pinned.ts'
import { ACCOUNT, type RunningSystem, type System } from '../system.ts'

export const dockerRegistry: System = {
  name: 'docker-registry + bcrypt',
  async start(t, { tls, root, isPlain }) {
    const htpasswd = await writeHtpasswd(t, { [ACCOUNT.username]: ACCOUNT.password })
    return { ...(await startRegistry(t, { root, htpasswd, ...(isPlain ? {} : { tls }) })), name: this.name }
  },
}

/** The registry alone, without what a login costs it. */
export const openDockerRegistry: System = {
  name: 'docker-registry, no login',
  async start(t, { tls, root, isPlain }) {
    return { ...(await startRegistry(t, { root, ...(isPlain ? {} : { tls }) })), name: this.name }
  },
}

export interface RegistryOptions {
  readonly root: string
  readonly tls?: TestCertificate
  readonly htpasswd?: string
  /** The program; Debian's `docker-registry`. */
  readonly program?: string
  /** Makes it a pull-through mirror of that origin. */
  readonly proxyRemoteUrl?: string
  /** By default the servers' one. */
  readonly cores?: string
}

/** registry:2, or 3; without `tls` plain, without `htpasswd` open to all. */
export async function startRegistry(
  t: Scope,
  { root, tls, htpasswd, program = 'docker-registry', proxyRemoteUrl, cores }: RegistryOptions,
): Promise<RunningSystem> {
  const folder = await temporaryFolder(t)
  const [address, file] = [`127.0.0.1:${await freePort()}`, join(folder, 'config.yml')]
  const logFile = join(folder, 'access.log')
  const url = `${tls ? 'https' : 'http'}://${address}`
  const configuration = {
    version: '0.1',
    log: { level: 'info', accesslog: { disabled: false } },
    http: { addr: address, ...(tls ? { tls: { certificate: tls.certificate, key: tls.key } } : {}) },
    storage: { filesystem: { rootdirectory: root }, cache: { blobdescriptor: 'inmemory' } },
    ...(proxyRemoteUrl === undefined ? {} : { proxy: { remoteurl: proxyRemoteUrl } }),
    ...(htpasswd === undefined ? {} : { auth: { htpasswd: { realm: 'registry', path: htpasswd } } }),
  }
  await writeFile(file, JSON.stringify(configuration)) // JSON is YAML
  const { pid } = await startServer(t, {
    command: [program, 'serve', file],
    cores,
    logFile,
    // With AWS_CA_BUNDLE set, Debian's build can panic in a driver that is not even used.
    env: { AWS_CA_BUNDLE: undefined, OTEL_TRACES_EXPORTER: 'none' },
    ready: () => answers(url, tls),
  })
  return { name: 'docker-registry', url, pids: [pid], logFile }
}

async function answers(url: string, tls: TestCertificate | undefined): Promise<boolean> {
  try {
    const { status } = await send(`${url}/v2/`, tls ? { ca: tls.ca } : {})
    return status === 200 || status === 401
  } catch {
    return false
  }
}
