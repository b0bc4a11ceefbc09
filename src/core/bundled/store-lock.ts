// Who works on a store's folder: one process at a time holds the lock, and says there how it can be reached.
import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import {
  livenessOf,
  parseProcessIdentity,
  thisProcess,
  type ProcessIdentity,
} from '../../storage/process-identity.ts'
import { whileAlone } from '../../storage/while-alone.ts'

/** How the process that holds a store answers the commands of the same machine. */
export interface StoreOffice {
  /** `http://host:port` of its admin API. */
  readonly url: string
  /** Opens the admin API; whoever can read the lock file may do everything to the store anyway. */
  readonly token: string
}

export interface StoreOwner {
  readonly pid: number
  readonly host: string
  readonly process: ProcessIdentity
  /** Undefined for a command, and for a server that is still starting. */
  readonly office: StoreOffice | undefined
}

/** Another living process holds the store. */
export class StoreBusyError extends Error {
  override readonly name = 'StoreBusyError'
  readonly code = 'STORE_BUSY'
  readonly owner: StoreOwner
  constructor(root: string, owner: StoreOwner) {
    super(
      `the store in ${root} is in use by process ${owner.pid} on ${owner.host}: try again when it has ended`,
    )
    this.owner = owner
  }
}

/** A process out of reach, such as one on another machine, is taken for gone when it has not touched its lock for so long. */
const SILENT_MS = 60_000
const HEARTBEAT_MS = 15_000

/** Below the store's root, beside `docker/`: registry:2 does not look there. */
export function lockFile(root: string): string {
  return join(root, 'dockgate', 'lock')
}

export class StoreLock {
  readonly #file: string
  readonly #heartbeat: NodeJS.Timeout
  #text: string

  private constructor(file: string, text: string) {
    this.#file = file
    this.#text = text
    this.#heartbeat = setInterval(() => void touch(file), HEARTBEAT_MS).unref()
  }

  /** Takes the lock, also from a process that has died. Rejects with {@link StoreBusyError}. */
  static async take(root: string): Promise<StoreLock> {
    const file = lockFile(root)
    const text = JSON.stringify(await describeSelf())
    await mkdir(dirname(file), { recursive: true })
    for (;;) {
      if (await createOnce(file, text)) return new StoreLock(file, text)
      const held = await readText(file)
      const owner = held === undefined ? undefined : await livingOwner(file, held)
      if (owner !== undefined) throw new StoreBusyError(root, owner)
      if (held !== undefined) await removeDead(file, held)
    }
  }

  /** Says how this process can be reached. */
  async open(office: StoreOffice): Promise<void> {
    const text = JSON.stringify({ ...(await describeSelf()), office })
    await withTemporary(this.#file, text, (temporary) => rename(temporary, this.#file))
    this.#text = text
  }

  /** Lets go. A lock that another process has taken over meanwhile stays its own. */
  async release(): Promise<void> {
    clearInterval(this.#heartbeat)
    if ((await readText(this.#file)) === this.#text) await rm(this.#file, { force: true })
  }
}

/** The living process that holds the store, if any. */
export async function storeOwner(root: string): Promise<StoreOwner | undefined> {
  const file = lockFile(root)
  const text = await readText(file)
  return text === undefined ? undefined : livingOwner(file, text)
}

async function describeSelf(): Promise<StoreOwner> {
  return { pid: process.pid, host: hostname(), process: await thisProcess(), office: undefined }
}

async function livingOwner(file: string, text: string): Promise<StoreOwner | undefined> {
  const owner = parseOwner(text)
  if (owner === undefined) return undefined
  const liveness = await livenessOf(owner.process)
  if (liveness !== 'unknown') return liveness === 'gone' ? undefined : owner
  const touchedAt = (await stat(file).catch(() => undefined))?.mtimeMs
  return touchedAt !== undefined && Date.now() - touchedAt < SILENT_MS ? owner : undefined
}

function parseOwner(text: string): StoreOwner | undefined {
  try {
    const { pid, host, process: identity, office } = JSON.parse(text) as Record<string, unknown>
    const process = parseProcessIdentity(identity)
    if (process === undefined || typeof pid !== 'number' || typeof host !== 'string') return undefined
    return { pid, host, process, office: parseOffice(office) }
  } catch {
    return undefined
  }
}

function parseOffice(value: unknown): StoreOffice | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { url, token } = value as Record<string, unknown>
  return typeof url === 'string' && typeof token === 'string' ? { url, token } : undefined
}

/** Of many that find the same dead lock none may remove the one that the fastest of them has put in its place. */
async function removeDead(file: string, text: string): Promise<void> {
  await whileAlone(`${file}.guard`, async () => {
    if ((await readText(file)) === text) await rm(file, { force: true })
  })
}

/** False when there is one already. */
async function createOnce(file: string, text: string): Promise<boolean> {
  return withTemporary(file, text, async (temporary) => {
    try {
      // Unlike rename, link refuses to replace.
      await link(temporary, file)
      return true
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false
      throw error
    }
  })
}

async function withTemporary<Result>(
  file: string,
  text: string,
  place: (temporary: string) => Promise<Result>,
): Promise<Result> {
  const temporary = `${file}.${randomUUID()}`
  try {
    await using handle = await open(temporary, 'wx', 0o600)
    await handle.writeFile(text)
    return await place(temporary)
  } finally {
    await rm(temporary, { force: true })
  }
}

async function readText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch {
    return undefined
  }
}

async function touch(file: string): Promise<void> {
  const now = new Date()
  await utimes(file, now, now).catch(() => undefined)
}
