// dockgate as people run it: `serve` from a file, with login, grants, metrics and a log line per request.
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { MAIN } from '../../support/gateway.ts'
import { writeHtpasswd } from '../../support/htpasswd.ts'
import { freePort } from '../../support/port.ts'
import { temporaryFolder, type Scope } from '../../support/scope.ts'
import { copyOf } from '../content/copy.ts'
import { startServer } from '../pinned.ts'
import { ACCOUNT, CannotRunError, type RunningSystem, type System, type SystemOptions } from '../system.ts'

export interface DockgateOptions extends SystemOptions {
  /** As tables call it. */
  readonly name: string
  /** In place of those of the usual configuration. */
  readonly sections?: Readonly<Record<string, unknown>>
  /** A password file in place of the usual one. */
  readonly htpasswd?: string
  /** Leaves it out, with a {@link CannotRunError}, when `dockgate check` refuses the configuration. */
  readonly check?: boolean
  /** The file to run; `src/cli/main.ts`. */
  readonly main?: string
}

export const dockgate: System = {
  name: 'dockgate',
  start: (t, options) => startDockgate(t, { ...options, name: 'dockgate' }),
}

/** On a copy: a store is one gateway's, and this one runs beside the other. */
export const dockgateTwoWorkers: System = {
  name: 'dockgate, 2 workers',
  async start(t, options) {
    const root = await copyOf(t, options.root)
    return startDockgate(t, { ...options, root, name: this.name, sections: { workers: 2 }, check: true })
  },
}

export async function startDockgate(t: Scope, options: DockgateOptions): Promise<RunningSystem> {
  const { name, profileFolder, isPlain, sections, main = MAIN } = options
  const [folder, port, adminPort] = [await temporaryFolder(t), await freePort(), await freePort()]
  const configFile = join(folder, 'dockgate.yml')
  const usual = await configurationOf(t, port, adminPort, folder, options)
  await writeFile(configFile, JSON.stringify({ ...usual, ...sections })) // JSON is YAML
  if (options.check === true) await check(configFile)
  const profiling = profileFolder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileFolder}`]
  const { pid } = await startServer(t, {
    command: [process.execPath, ...profiling, main, 'serve', '--config', configFile],
    cores: options.cores,
    // Not beside the configuration: dockgate watches that folder.
    logFile: join(await temporaryFolder(t), 'access.log'),
    ready: (program) => program.log().includes('dockgate listens on'),
  })
  const url = `${isPlain ? 'http' : 'https'}://127.0.0.1:${port}`
  return { name, url, pids: [pid], adminUrl: `http://127.0.0.1:${adminPort}` }
}

async function check(configFile: string): Promise<void> {
  try {
    await promisify(execFile)(process.execPath, [MAIN, 'check', '--config', configFile])
  } catch (cause) {
    const { stderr = '' } = Object(cause) as { stderr?: string }
    const [refusal = ''] = stderr.trim().split('\n')
    throw new CannotRunError(`dockgate refuses it: ${refusal.replace(/^\S+:\d+: /, '')}`, { cause })
  }
}

async function configurationOf(
  t: Scope,
  port: number,
  adminPort: number,
  folder: string,
  { tls, root, isPlain, htpasswd }: DockgateOptions,
): Promise<object> {
  const accounts = { [ACCOUNT.username]: ACCOUNT.password, bob: 'other', ci: 'third' }
  const certificate = { tls: { certificate: tls.certificate, key: tls.key } }
  return {
    listen: [{ address: `127.0.0.1:${port}`, ...(isPlain ? {} : certificate) }],
    admin: { address: `127.0.0.1:${adminPort}` },
    workers: 1,
    auth: {
      htpasswd: { file: htpasswd ?? (await writeHtpasswd(t, accounts)) },
      token: { ttl: '24h', key: join(folder, 'token.key') },
      groups: { ops: ['alice'], ci: ['ci'] },
    },
    access: [
      { repositories: ['public/**'], pull: ['$anonymous'] },
      {
        repositories: ['team-a/**', 'base/*'],
        pull: ['$authenticated'],
        push: ['alice', '@ci'],
        delete: ['@ops'],
      },
      { repositories: ['users/${user}/**'], push: ['$authenticated'] },
      { catalog: ['$authenticated'] },
      { admin: ['@ops'] },
    ],
    repositories: { '**': { store: 'main' } },
    stores: { main: { filesystem: { root } } },
    logging: { format: 'json' },
  }
}
