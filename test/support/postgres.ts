// A real Postgres of its own for a test: a new cluster on loopback, to be frozen and killed at will.
import { execFile } from 'node:child_process'
import { chmod, chown, readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './port.ts'
import { startProcess, type RunningProcess } from './process.ts'
import { temporaryFolder, type Scope } from './scope.ts'

const DEBIAN_FOLDER = '/usr/lib/postgresql'
/** Postgres refuses to run as root. */
const USER = 'postgres'

export interface PostgresServer {
  /** `postgres://dockgate@127.0.0.1:<port>/postgres`; without a password. */
  readonly url: string
  /** Stops the server and its connections from answering. */
  freeze(): Promise<void>
  thaw(): Promise<void>
  /** Ends it at once, as a crash does. */
  kill(): Promise<void>
  /** Starts it again on what is on disk, on the same port, after a crash if it runs. */
  restart(): Promise<void>
}

/** Starts Postgres with an empty database. It is gone when `t` ends. */
export async function startPostgres(t: Scope): Promise<PostgresServer> {
  const [binaries, folder, port] = [await binariesFolder(), await temporaryFolder(t), await freePort()]
  const data = join(folder, 'data')
  await chmod(folder, 0o755)
  if (isRoot()) await giveAway(folder)
  const initdb = asUser(join(binaries, 'initdb'), [
    '--no-sync',
    '--no-locale',
    '--encoding=UTF8',
    '--auth=trust',
    '--username=dockgate',
    data,
  ])
  await promisify(execFile)(initdb.command, initdb.args, { cwd: folder })
  const settings = [
    'listen_addresses=127.0.0.1',
    `port=${port}`,
    `unix_socket_directories=${folder}`,
    'shared_buffers=16MB',
    'max_connections=20',
  ]
  const server = asUser(join(binaries, 'postgres'), [
    '-D',
    data,
    ...settings.flatMap((setting) => ['-c', setting]),
  ])
  const start = () =>
    startProcess(t, server.command, {
      args: server.args,
      cwd: folder,
      ready: () => answers(join(binaries, 'pg_isready'), port),
    })
  let running = await start()
  const kill = async (): Promise<void> => {
    await signalAll(running, 'SIGKILL')
    await running.exited
  }
  return {
    url: `postgres://dockgate@127.0.0.1:${port}/postgres`,
    freeze: () => signalAll(running, 'SIGSTOP'),
    thaw: () => signalAll(running, 'SIGCONT'),
    kill,
    restart: async () => {
      await kill()
      running = await start()
    },
  }
}

/** Each connection has a process, and each of those a group of its own. */
async function signalAll({ pid }: RunningProcess, signal: NodeJS.Signals): Promise<void> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '')
  for (const each of [pid, ...children.split(' ').filter(Boolean).map(Number)]) {
    try {
      process.kill(each, signal)
    } catch {
      // It has ended by itself.
    }
  }
}

/** Debian keeps the server's programs off the PATH, by version. */
async function binariesFolder(): Promise<string> {
  const versions = await readdir(DEBIAN_FOLDER)
  const latest = versions.toSorted((one, other) => Number(other) - Number(one))[0]
  return join(DEBIAN_FOLDER, latest ?? '', 'bin')
}

function asUser(program: string, args: readonly string[]): { command: string; args: readonly string[] } {
  if (!isRoot()) return { command: program, args }
  return {
    command: 'setpriv',
    args: ['--reuid', USER, '--regid', USER, '--clear-groups', program, ...args],
  }
}

async function giveAway(folder: string): Promise<void> {
  const { stdout } = await promisify(execFile)('id', ['-u', USER])
  await chown(folder, Number(stdout), -1)
}

async function answers(program: string, port: number): Promise<boolean> {
  try {
    await promisify(execFile)(program, ['-h', '127.0.0.1', '-p', String(port), '-q'])
    return true
  } catch {
    return false
  }
}

function isRoot(): boolean {
  return process.getuid?.() === 0
}
