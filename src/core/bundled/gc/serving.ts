// Which processes serve a store, and when one did last: what they told their clients is known to none but them.
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  livenessOf,
  parseProcessIdentity,
  thisProcess,
  type ProcessIdentity,
} from '../../../storage/process-identity.ts'

const HEARTBEAT_MS = 15_000
/** A process that cannot be asked for is taken for gone when it has not touched its file for so long. */
const SILENT_MS = 60_000

/** A file of its own for each process, which a crash leaves behind harmlessly. Beside `docker/`: registry:2 does not look there. */
function servingFolder(root: string): string {
  return join(root, 'dockgate', 'serving')
}

/** Touched when a process ends in order. */
function servedFile(root: string): string {
  return join(root, 'dockgate', 'served')
}

/** Says that this process serves the store in a folder. */
export class ServingMark {
  readonly #root: string
  readonly #file: string
  readonly #heartbeat: NodeJS.Timeout

  private constructor(root: string, file: string, text: string) {
    this.#root = root
    this.#file = file
    // Written anew: one that was frozen for long may have been taken for dead, and its file cleared away.
    const beat = () => void writeFile(file, text).catch(() => undefined)
    this.#heartbeat = setInterval(beat, HEARTBEAT_MS).unref()
  }

  /** To be awaited before the first request is answered. */
  static async put(root: string): Promise<ServingMark> {
    const self = await thisProcess()
    const folder = servingFolder(root)
    await mkdir(folder, { recursive: true })
    for (const { file, isServing } of await markedProcesses(root))
      if (!isServing) await rm(file, { force: true })
    const file = join(folder, self.id)
    const text = JSON.stringify(self)
    await writeFile(file, text)
    return new ServingMark(root, file, text)
  }

  async remove(): Promise<void> {
    clearInterval(this.#heartbeat)
    // On a full disk the file stays, and tells the same.
    await writeFile(servedFile(this.#root), '').then(
      () => rm(this.#file, { force: true }),
      () => undefined,
    )
  }
}

/** Whether a process other than this one serves the store. */
export async function othersServe(root: string): Promise<boolean> {
  return (await markedProcesses(root)).some(({ isServing }) => isServing)
}

/** When a process other than this one served the store last (ms since the epoch); undefined: never. */
export async function lastServedAt(root: string): Promise<number | undefined> {
  // One that was killed lived on for a while after it had touched its file.
  const crashed = (await markedProcesses(root)).map(({ touchedAt }) => touchedAt + HEARTBEAT_MS)
  const ended = await touchedAt(servedFile(root))
  const times = [...crashed, ...(ended === undefined ? [] : [ended])]
  return times.length === 0 ? undefined : Math.max(...times)
}

interface MarkedProcess {
  readonly file: string
  readonly touchedAt: number
  readonly isServing: boolean
}

async function markedProcesses(root: string): Promise<MarkedProcess[]> {
  const { id } = await thisProcess()
  const names = await readdir(servingFolder(root)).catch(() => [])
  const others = names.filter((name) => name !== id).map((name) => join(servingFolder(root), name))
  const found = await Promise.all(others.map(readMark))
  return found.filter((mark) => mark !== undefined)
}

async function readMark(file: string): Promise<MarkedProcess | undefined> {
  const at = await touchedAt(file)
  if (at === undefined) return undefined
  const owner = await readOwner(file)
  const liveness = owner ? await livenessOf(owner) : 'unknown'
  const isServing = liveness === 'running' || (liveness === 'unknown' && Date.now() - at < SILENT_MS)
  return { file, touchedAt: at, isServing }
}

async function readOwner(file: string): Promise<ProcessIdentity | undefined> {
  try {
    return parseProcessIdentity(JSON.parse(await readFile(file, 'utf8')))
  } catch {
    return undefined
  }
}

async function touchedAt(file: string): Promise<number | undefined> {
  return (await stat(file).catch(() => undefined))?.mtimeMs
}
