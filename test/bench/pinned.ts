// Servers share one core and clients another, so that neither takes the time of the other.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { startProcess, type RunningProcess } from '../support/process.ts'
import type { Scope } from '../support/scope.ts'

export const SERVER_CORE = 0
export const CLIENT_CORE = 1

/** A command line that runs on one core, or on several as taskset has them: `0,1`. */
export function pinned(
  core: number | string,
  command: readonly string[],
): [program: string, ...args: string[]] {
  return ['taskset', '--cpu-list', String(core), ...command]
}

/** This process starts clients and plays upstreams: it belongs to the clients' core, with all that it starts unpinned. */
export async function pinThisProcess(): Promise<void> {
  const target = ['--all-tasks', '--pid', '--cpu-list', String(CLIENT_CORE), String(process.pid)]
  await promisify(execFile)('taskset', target)
}

export interface ServerOptions {
  readonly command: readonly [string, ...string[]]
  /** Takes its standard output, as in production: a reader at a pipe would take time of the clients' core. */
  readonly logFile: string
  /** By default the servers' one. */
  readonly cores?: string | undefined
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly ready: (program: RunningProcess) => boolean | Promise<boolean>
}

/** Starts a program on the servers' core. The pid is the program's own. */
export function startServer(
  t: Scope,
  { command, logFile, env, ready, cores }: ServerOptions,
): Promise<RunningProcess> {
  return startProcess(t, 'sh', {
    args: ['-c', 'log=$1; shift; exec "$@" >"$log"', 'sh', logFile, ...pinned(cores ?? SERVER_CORE, command)],
    ...(env === undefined ? {} : { env }),
    ready,
    readyTimeoutMs: 60_000,
  })
}
