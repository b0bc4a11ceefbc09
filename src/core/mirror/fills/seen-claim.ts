// The claim of another fill on a blob, and how it goes there: read again and again while the blob is on its way.
import { open, rm, stat, type FileHandle } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { livenessOf, type Liveness } from '../../../storage/process-identity.ts'
import { codeOf } from '../../../storage/system-error.ts'
import { ACTIVE } from './active-claims.ts'
import { parseClaim, type ClaimText } from './claim-text.ts'

/** An owner out of reach, or a claim that makes no sense, counts for nothing when nothing has changed for so long. */
const SILENT_MS = 60_000
const UNREADABLE_MS = 5_000
const MAX_BYTES = 8192

export class SeenClaim {
  readonly isOwn = false
  readonly path: string
  readonly #file: FileHandle
  #text: ClaimText | undefined
  #read = 0
  #changedAt = 0
  #isRemoved = false
  #liveness: Liveness = 'unknown'

  private constructor(path: string, file: FileHandle) {
    this.path = path
    this.#file = file
  }

  /** Undefined when there is none. To be closed. */
  static async open(path: string): Promise<SeenClaim | undefined> {
    try {
      const seen = new SeenClaim(path, await open(path, 'r'))
      await seen.refresh()
      return seen
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** What it said at the last look; undefined when that makes no sense. */
  get text(): ClaimText | undefined {
    return this.#text
  }

  /** At the last look it had been taken away, or another one had been put in its place. */
  get isRemoved(): boolean {
    return this.#isRemoved
  }

  /** Where the bytes go. */
  get dataPath(): string {
    return join(dirname(this.path), this.#text?.data ?? '')
  }

  /** Whether nobody can still be writing to the bytes of a claim that was found to be free. */
  get mayBeContinued(): boolean {
    return this.#text !== undefined && (this.#text.end === 'left' || this.#liveness !== 'unknown')
  }

  /** Looks again. */
  async refresh(): Promise<void> {
    const { size, nlink, mtimeMs } = await this.#file.stat()
    this.#isRemoved = nlink === 0
    this.#changedAt = mtimeMs
    if (size === this.#read || size > MAX_BYTES) return
    const buffer = Buffer.alloc(size)
    const { bytesRead } = await this.#file.read(buffer, 0, size, 0)
    this.#read = bytesRead
    this.#text = parseClaim(buffer.toString('utf8', 0, bytesRead)) ?? this.#text
  }

  /** Whether nobody works for it any more. */
  async isFree(): Promise<boolean> {
    if (this.#text === undefined) return Date.now() - this.#changedAt > UNREADABLE_MS
    if (this.#text.end === 'left') return true
    this.#liveness = await livenessOf(this.#text.owner)
    if (this.#liveness === 'gone') return true
    if (this.#liveness === 'self' && !ACTIVE.has(this.#text.token)) return true
    return this.#liveness === 'unknown' && Date.now() - (await this.lastChange()) > SILENT_MS
  }

  /** When something was last written to it or its bytes, in ms since the epoch. */
  async lastChange(): Promise<number> {
    const data = await stat(this.dataPath).catch(() => undefined)
    return Math.max(this.#changedAt, data?.mtimeMs ?? 0)
  }

  /** Who has the bytes open goes on reading. */
  async removeData(): Promise<void> {
    if (this.#text) await rm(this.dataPath, { force: true })
  }

  async close(): Promise<void> {
    await this.#file.close()
  }
}
