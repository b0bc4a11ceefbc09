// What the kernel has written down about processes and all that they started: CPU time and memory (proc(5)).
import { readdir, readFile } from 'node:fs/promises'

export interface Memory {
  readonly rssBytes: number
  /** The most that it ever was. */
  readonly peakRssBytes: number
}

interface ProcessStat {
  readonly parent: number
  readonly cpuTicks: number
  /** Since the machine began. */
  readonly startTicks: number
}

/** USER_HZ is 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100

/** CPU seconds, user and system, of processes and their descendants since they began; ended children included. */
export async function cpuSecondsOf(pids: readonly number[]): Promise<number> {
  const all = await processes()
  const ticks = treeOf(pids, all).map((pid) => all.get(pid)?.cpuTicks ?? 0)
  return ticks.reduce((sum, each) => sum + each, 0) / TICKS_PER_SECOND
}

/** Resident memory of processes and their descendants. */
export async function memoryOf(pids: readonly number[]): Promise<Memory> {
  const statuses = await Promise.all(treeOf(pids, await processes()).map(readStatus))
  const sum = (field: string): number =>
    statuses.reduce((total, status) => total + kibibytes(status, field) * 1024, 0)
  return { rssBytes: sum('VmRSS'), peakRssBytes: sum('VmHWM') }
}

/** Milliseconds since the process began, to a hundredth of a second. */
export async function ageMsOf(pid: number): Promise<number> {
  const [uptime, stat] = await Promise.all([readFile('/proc/uptime', 'utf8'), readStat(String(pid))])
  if (!stat) throw new Error(`process ${pid} is gone`)
  return Math.round((Number(uptime.split(' ')[0]) - stat.startTicks / TICKS_PER_SECOND) * 1000)
}

function treeOf(roots: readonly number[], all: ReadonlyMap<number, ProcessStat>): number[] {
  const tree = [...roots]
  // Grows while it is walked: children are put behind their parents.
  for (const parent of tree) for (const [pid, stat] of all) if (stat.parent === parent) tree.push(pid)
  return tree
}

async function processes(): Promise<Map<number, ProcessStat>> {
  const names = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const found = await Promise.all(names.map(async (pid) => [Number(pid), await readStat(pid)] as const))
  return new Map(found.flatMap(([pid, stat]) => (stat ? [[pid, stat] as const] : [])))
}

async function readStat(pid: string): Promise<ProcessStat | undefined> {
  // A process may end between the listing and this; a program's name in brackets may hold anything.
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '')
  const [, parent, ...fields] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  if (parent === undefined) return undefined
  const times = fields.slice(9, 13).map(Number) // utime, stime, cutime, cstime
  const cpuTicks = times.reduce((sum, ticks) => sum + ticks, 0)
  return { parent: Number(parent), cpuTicks, startTicks: Number(fields[17]) }
}

function readStatus(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
}

function kibibytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0)
}
