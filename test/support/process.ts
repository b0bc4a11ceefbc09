// Child processes: started in a group of their own, awaited until they are ready, and stopped by that group's id.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { searchPath } from './programs.ts'
import { atEnd, type Scope } from './scope.ts'
import { until } from './until.ts'

const LOG_LIMIT = 1024 * 1024
const TERM_GRACE_MS = 10_000

export interface ProcessOptions {
  readonly args?: readonly string[]
  /** Added to the environment; undefined takes a variable away. */
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  /** Answers true once the program can be used; asked again and again. Default: at once. */
  readonly ready?: (program: RunningProcess) => boolean | Promise<boolean>
  /** How long `ready` may take; 20 s. */
  readonly readyTimeoutMs?: number
}

export interface Exit {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export interface RunningProcess {
  readonly pid: number
  /** Resolves when the program has ended, however it did. */
  readonly exited: Promise<Exit>
  /** Standard output and error up to now: the last MiB of them. */
  log(): string
  /** Standard output alone. */
  output(): string
  /** Sends a signal to the program and to every process it started. */
  signal(name: NodeJS.Signals): void
  /** TERM, and KILL after 10 s. Resolves when the program has ended; harmless when it already had. */
  stop(): Promise<Exit>
  /** KILL at once. */
  kill(): Promise<Exit>
}

/** Starts a program and waits until it is ready. It is stopped when `t` ends. Rejects with its log when it ends too early. */
export async function startProcess(
  t: Scope,
  command: string,
  options: ProcessOptions = {},
): Promise<RunningProcess> {
  const child = spawn(command, options.args ?? [], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PATH: searchPath(), ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  })
  const program = await run(child)
  atEnd(t, async () => void (await program.stop()))
  await untilReady(command, program, options)
  return program
}

async function untilReady(command: string, program: RunningProcess, options: ProcessOptions): Promise<void> {
  const { ready } = options
  if (!ready) return
  let exit: Exit | undefined
  void program.exited.then((value) => (exit = value))
  try {
    await until(`${command} is ready`, () => exit ?? ready(program), options.readyTimeoutMs ?? 20_000)
    if (exit) throw new Error(`${command} ended with ${exit.signal ?? exit.code}`)
  } catch (cause) {
    throw new Error(`${command} did not start:\n${program.log()}`, { cause })
  }
}

async function run(child: ChildProcess): Promise<RunningProcess> {
  await once(child, 'spawn') // rejects when the program is not there
  const { pid } = child
  if (pid === undefined) throw new Error('a child that was spawned has a pid')
  const log = collect(child, ['stdout', 'stderr'])
  const output = collect(child, ['stdout'])
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
  const signal = (name: NodeJS.Signals): void => signalGroup(pid, name)
  const kill = (): Promise<Exit> => {
    signal('SIGKILL')
    return exited
  }
  const stop = async (): Promise<Exit> => {
    signal('SIGCONT') // a frozen process would not hear TERM
    signal('SIGTERM')
    const grace = new AbortController()
    const late = pause(TERM_GRACE_MS, undefined, { signal: grace.signal }).then(kill, () => exited)
    const exit = await Promise.race([exited, late])
    grace.abort()
    signal('SIGKILL') // what the program left behind in its group
    return exit
  }
  return { pid, exited, log, output, signal, stop, kill }
}

function collect(child: ChildProcess, names: readonly ('stdout' | 'stderr')[]): () => string {
  let text = ''
  for (const name of names)
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      text = (text + chunk).slice(-LOG_LIMIT)
    })
  return () => text
}

function signalGroup(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(-pid, name)
  } catch (error) {
    const isGone = error instanceof Error && 'code' in error && error.code === 'ESRCH'
    if (!isGone) throw error
  }
}
