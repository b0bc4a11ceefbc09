// dockgate itself for a test: the real command line in a child process, with a configuration of the test's own.
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { htpasswdLine } from './htpasswd.ts'
import { startProcess, type RunningProcess } from './process.ts'
import { temporaryFolder, type Scope } from './scope.ts'

export const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export interface GatewayOptions {
  /** Sections of the configuration file; those left out are {@link DEFAULTS}. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Accounts (name → password) of `htpasswd`; alice and bob by default. */
  readonly users?: Readonly<Record<string, string>>
  /** The working directory, to start again on the same state; a new one by default. */
  readonly folder?: string
  readonly env?: Readonly<Record<string, string>>
  /** How long the start may take; a minute. */
  readonly readyTimeoutMs?: number
}

export interface LogLine {
  readonly msg?: string
  readonly [key: string]: unknown
}

export interface RunningGateway {
  /** Of the first listener: `https://127.0.0.1:<port>`. */
  readonly url: string
  /** `127.0.0.1:<port>`, as image references begin. */
  readonly host: string
  /** Of every public listener. */
  readonly urls: readonly string[]
  readonly adminUrl: string
  readonly folder: string
  readonly configFile: string
  /** PEM of the local CA. */
  readonly ca: string
  /** A folder with nothing but the CA, for skopeo's `--*-cert-dir`. */
  readonly caFolder: string
  readonly program: RunningProcess
  /** The JSON lines of the log up to now. */
  log(): LogLine[]
}

/** What every test holds for, whether one process serves or several: `npm test` runs with both. */
export const WORKERS = Number(process.env['DOCKGATE_TEST_WORKERS'] ?? 1)

/** Workers are several processes, which start at once, on a machine that may be busy. */
const READY_MS = 60_000

/** alice pushes everywhere, bob pulls everywhere, everybody pulls `public/**`; the bundled registry serves all names. */
export const DEFAULTS: Readonly<Record<string, unknown>> = {
  workers: WORKERS,
  listen: [{ address: '127.0.0.1:0', tls: 'auto' }],
  admin: { address: '127.0.0.1:0' },
  auth: { htpasswd: { file: 'htpasswd' } },
  access: [
    { repositories: ['public/**'], pull: ['$anonymous'] },
    { repositories: ['**'], pull: ['$authenticated'], push: ['alice'], delete: ['alice'] },
    { catalog: ['$authenticated'] },
  ],
  repositories: { '**': { store: 'main' } },
  stores: { main: { filesystem: { root: 'data' } } },
  logging: { format: 'json' },
}

/** Starts `dockgate serve` and waits until it listens. It is gone when `t` ends. */
export async function startGateway(t: Scope, options: GatewayOptions = {}): Promise<RunningGateway> {
  const folder = options.folder ?? (await temporaryFolder(t))
  const configFile = join(folder, 'dockgate.yml')
  await writePasswords(folder, options.users ?? { alice: 'alice-secret', bob: 'bob-secret' })
  await writeConfig(configFile, options.config ?? {})
  const program = await startProcess(t, process.execPath, {
    args: [MAIN, 'serve', '--config', configFile],
    cwd: folder,
    env: options.env ?? {},
    ready: (started) => started.log().includes('health and metrics on'),
    readyTimeoutMs: options.readyTimeoutMs ?? READY_MS,
  })
  const listening = /dockgate listens on (.*); health and metrics on (\S+)/.exec(program.log())
  const urls = (listening?.[1] ?? '').split(', ')
  const caFolder = await temporaryFolder(t)
  const ca = await readFile(join(folder, 'certs', 'ca.crt'), 'utf8').catch(() => '')
  await writeFile(join(caFolder, 'ca.crt'), ca)
  const [url = ''] = urls
  return {
    url,
    host: new URL(url).host,
    urls,
    adminUrl: listening?.[2] ?? '',
    folder,
    configFile,
    ca,
    caFolder,
    program,
    log: () => parseLog(program.output()),
  }
}

/** Writes the configuration anew, for a reload. */
export async function writeConfig(file: string, sections: Readonly<Record<string, unknown>>): Promise<void> {
  // JSON is YAML.
  await writeFile(file, JSON.stringify({ ...DEFAULTS, ...sections }, undefined, 2))
}

export async function writePasswords(folder: string, users: Readonly<Record<string, string>>): Promise<void> {
  const lines = await Promise.all(Object.entries(users).map(([name, word]) => htpasswdLine(name, word)))
  await writeFile(join(folder, 'htpasswd'), lines.map((line) => `${line}\n`).join(''))
}

function parseLog(output: string): LogLine[] {
  return output
    .split('\n')
    .flatMap((line) => (line.startsWith('{') && line.endsWith('}') ? [JSON.parse(line)] : []))
}

/** The repository's root. */
export const ROOT = dirname(dirname(dirname(MAIN)))
