// The real registry:2 (Debian's docker-registry) for a test: as a core, as an upstream, as a mirror of one.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestCertificate } from './certificates.ts'
import { freePort } from './port.ts'
import { startProcess, type RunningProcess } from './process.ts'
import { temporaryFolder, type Scope } from './scope.ts'
import { send } from './http.ts'

export interface DockerRegistryOptions {
  /** The folder of its filesystem driver; a new one by default. */
  readonly root?: string
  /** Path of a password file; registry:2 reads bcrypt alone. */
  readonly htpasswd?: string
  /** Verifies Bearer tokens of another server. */
  readonly token?: { realm: string; service: string; issuer: string; rootcertbundle: string }
  /** Makes it a pull-through mirror. It does not start while that upstream is down. */
  readonly proxyRemoteUrl?: string
  readonly proxyAccount?: { username: string; password: string }
  /** Sends `Location` without scheme and host; false, as registry:2 has it. */
  readonly relativeUrls?: boolean
  /** Whether deletes are allowed; true. */
  readonly delete?: boolean
  readonly tls?: TestCertificate
}

export interface DockerRegistry {
  /** `http://127.0.0.1:<port>`, https with `tls`. */
  readonly url: string
  /** `127.0.0.1:<port>`, as image references begin. */
  readonly host: string
  readonly root: string
  /** Its log and access log. */
  log(): string
  stop(): Promise<void>
  /** Ends it at once, in the middle of whatever it does. */
  kill(): Promise<void>
  /** Starts it again on the same port and folder, also when it still runs. */
  restart(): Promise<void>
}

/** Starts registry:2 and waits until it answers. It is gone when `t` ends. */
export async function startDockerRegistry(
  t: Scope,
  options: DockerRegistryOptions = {},
): Promise<DockerRegistry> {
  const folder = await temporaryFolder(t)
  const root = options.root ?? join(folder, 'data')
  const host = `127.0.0.1:${await freePort()}`
  const url = `${options.tls ? 'https' : 'http'}://${host}`
  const file = join(folder, 'config.yml')
  // JSON is YAML.
  await writeFile(file, JSON.stringify(configuration(host, root, options)))
  const start = (): Promise<RunningProcess> =>
    startProcess(t, 'docker-registry', {
      args: ['serve', file],
      env: {
        ...withoutOverrides(process.env),
        // With AWS_CA_BUNDLE set, Debian's build can panic in a driver that is not even used.
        AWS_CA_BUNDLE: undefined,
        OTEL_TRACES_EXPORTER: 'none',
      },
      ready: () => answers(url, options.tls),
    })
  let server = await start()
  return {
    url,
    host,
    root,
    log: () => server.log(),
    stop: async () => void (await server.stop()),
    kill: async () => void (await server.kill()),
    restart: async () => {
      await server.stop()
      server = await start()
    },
  }
}

/** registry:2 lets `REGISTRY_*` variables override its file: those of a developer's shell must not reach it. */
function withoutOverrides(environment: NodeJS.ProcessEnv): Record<string, undefined> {
  const names = Object.keys(environment).filter((name) => /^REGISTRY_/i.test(name))
  return Object.fromEntries(names.map((name) => [name, undefined]))
}

function configuration(host: string, root: string, options: DockerRegistryOptions): object {
  const { htpasswd, token, proxyRemoteUrl, tls } = options
  return {
    version: '0.1',
    log: { level: 'info' },
    http: {
      addr: host,
      secret: 'one secret for all, so that upload sessions outlive a restart',
      relativeurls: options.relativeUrls ?? false,
      ...(tls ? { tls: { certificate: tls.certificate, key: tls.key } } : {}),
    },
    storage: {
      filesystem: { rootdirectory: root },
      delete: { enabled: options.delete ?? true },
      cache: { blobdescriptor: 'inmemory' },
      maintenance: { uploadpurging: { enabled: false } },
    },
    ...(htpasswd === undefined ? {} : { auth: { htpasswd: { realm: 'registry', path: htpasswd } } }),
    ...(token === undefined ? {} : { auth: { token } }),
    ...(proxyRemoteUrl === undefined
      ? {}
      : { proxy: { remoteurl: proxyRemoteUrl, ...options.proxyAccount } }),
  }
}

async function answers(url: string, tls: TestCertificate | undefined): Promise<boolean> {
  try {
    const { status } = await send(`${url}/v2/`, tls ? { ca: tls.ca } : {})
    return status === 200 || status === 401
  } catch {
    return false
  }
}
