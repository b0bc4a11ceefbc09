// Which process is this, and does that one still run? As far as processes that share a store can tell.
import { randomUUID } from 'node:crypto'
import { readFile, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'

export interface ProcessIdentity {
  /** A number space of processes: a machine since its last start, or a container on it. */
  readonly machine: string
  readonly pid: number
  /** Tells it apart from a later process of the same number. */
  readonly id: string
  /** When it was started, as the system says; undefined where it does not. */
  readonly startedAt?: string
}

/** Alive or not, one of ours or out of reach. */
export type Liveness = 'self' | 'running' | 'gone' | 'unknown'

const ID = randomUUID()
let known: Promise<ProcessIdentity> | undefined

/** This process. */
export function thisProcess(): Promise<ProcessIdentity> {
  return (known ??= describe())
}

/** Whether the process still runs. `gone` is certain: nothing that it began goes on. */
export async function livenessOf({ machine, pid, id, startedAt }: ProcessIdentity): Promise<Liveness> {
  if (id === ID) return 'self'
  if (machine !== (await thisProcess()).machine) return 'unknown'
  const status = await statusOf(pid)
  if (status !== undefined) return status.isAlive && status.startedAt === startedAt ? 'running' : 'gone'
  return isSignalled(pid) ? 'unknown' : 'gone'
}

/** Reads an identity back from JSON; undefined when it is none. */
export function parseProcessIdentity(value: unknown): ProcessIdentity | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { machine, pid, id, startedAt } = value as Record<string, unknown>
  if (typeof machine !== 'string' || typeof id !== 'string') return undefined
  if (typeof pid !== 'number' || !Number.isSafeInteger(pid)) return undefined
  return { machine, pid, id, ...(typeof startedAt === 'string' ? { startedAt } : {}) }
}

async function describe(): Promise<ProcessIdentity> {
  const startedAt = (await statusOf(process.pid))?.startedAt
  return {
    machine: await machineOf(),
    pid: process.pid,
    id: ID,
    ...(startedAt === undefined ? {} : { startedAt }),
  }
}

/** Two containers on one machine number their processes alike: the name space tells them apart. */
async function machineOf(): Promise<string> {
  try {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8')
    return `${boot.trim()}/${await readlink('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}

/** See proc_pid_stat(5). The second field, a name in brackets, may hold blanks and brackets itself. */
async function statusOf(
  pid: number,
): Promise<{ startedAt: string | undefined; isAlive: boolean } | undefined> {
  try {
    const status = await readFile(`/proc/${pid}/stat`, 'utf8')
    const fields = status.slice(status.lastIndexOf(')') + 2).split(' ')
    const [state, threads, startedAt] = [fields[0], fields[17], fields[19]]
    // One that was killed stays in the table until its parent looks, which may take a container's first process seconds. Its
    // first thread may be dead while another one still writes.
    return { startedAt, isAlive: state !== 'Z' || Number(threads) > 1 }
  } catch {
    return undefined
  }
}

function isSignalled(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
