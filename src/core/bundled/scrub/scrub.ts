// Reads everything that a store keeps and moves aside what is not what it was.
import { createHash } from 'node:crypto'
import { hexOf, parseDigest, type Digest } from '../../../oci/digest.ts'
import { PathNotFoundError, StorageUnavailableError, type StorageDriver } from '../../../storage/driver.ts'
import type { ContentStore } from '../../content/content-store.ts'
import { STATE_FOLDER } from '../../content/layout.ts'
import { walkBlobs } from '../../content/store-walk.ts'
import { affectedRepositories, type AffectedRepository } from './affected-images.ts'
import { Pace } from './pace.ts'
import { isIntact, quarantine, type DamagedBlob } from './quarantine.ts'

export interface ScrubOptions {
  readonly bytesPerSecond: number
  /** Ends the run; the next one goes on there. */
  readonly signal: AbortSignal
  /** Begins at the first blob, also where an earlier run was ended. */
  readonly fresh?: boolean
}

/** What was done up to now, that of ended runs included. */
export interface ScrubStep {
  readonly blobs: number
  readonly bytes: number
  /** Of the whole work, from 0 to 1: digests are spread evenly. */
  readonly fraction: number
  readonly damaged: readonly DamagedBlob[]
  /** Blobs that the disk does not give back; they are left where they are. */
  readonly unreadable: readonly Digest[]
}

export interface ScrubResult extends ScrubStep {
  /** False when the run was ended: run it again for the rest. */
  readonly finished: boolean
  readonly affected: readonly AffectedRepository[]
}

const CURSOR_PATH = `${STATE_FOLDER}/scrub.json`
const MAX_CURSOR_BYTES = 16 * 1024 * 1024
const STEP_MS = 500
const SAVE_MS = 5000
/** A disk that is lost as a whole need not be listed blob by blob. */
const MAX_LISTED = 10_000

export async function* scrub(
  content: ContentStore,
  options: ScrubOptions,
): AsyncGenerator<ScrubStep, ScrubResult, void> {
  const run = new ScrubRun(content, options)
  if (!options.fresh) await run.resume()
  const finished = yield* run.work()
  const affected: AffectedRepository[] = []
  for await (const each of affectedRepositories(content, run.lost)) affected.push(each)
  return { ...run.step, finished, affected }
}

class ScrubRun {
  readonly #content: ContentStore
  readonly #pace: Pace
  readonly #signal: AbortSignal
  readonly #damaged: DamagedBlob[] = []
  readonly #unreadable: Digest[] = []
  #behind = ''
  #blobs = 0
  #bytes = 0
  #toldAt = 0
  #savedAt = performance.now()

  constructor(content: ContentStore, { bytesPerSecond, signal }: ScrubOptions) {
    this.#content = content
    this.#pace = new Pace(bytesPerSecond, signal)
    this.#signal = signal
  }

  get step(): ScrubStep {
    return {
      blobs: this.#blobs,
      bytes: this.#bytes,
      fraction: fractionOf(this.#behind),
      damaged: [...this.#damaged],
      unreadable: [...this.#unreadable],
    }
  }

  get lost(): ReadonlySet<Digest> {
    return new Set([...this.#damaged.map(({ digest }) => digest), ...this.#unreadable])
  }

  /** True when everything was read. */
  async *work(): AsyncGenerator<ScrubStep, boolean, void> {
    try {
      for await (const digest of walkBlobs(this.#content.driver)) {
        if (digest <= this.#behind) continue
        const wasRight = await this.#check(digest)
        this.#behind = digest
        if (!wasRight || performance.now() - this.#toldAt > STEP_MS) yield this.#tell()
        if (!wasRight || performance.now() - this.#savedAt > SAVE_MS) await this.#save()
      }
    } catch (error) {
      if (!this.#signal.aborted) throw error
      await this.#save()
      return false
    }
    this.#behind = END
    await this.#content.driver.delete(CURSOR_PATH)
    return true
  }

  async resume(): Promise<void> {
    const cursor = await readCursor(this.#content.driver)
    if (cursor === undefined) return
    this.#behind = cursor.behind
    this.#blobs = cursor.blobs
    this.#bytes = cursor.bytes
    this.#damaged.push(...cursor.damaged)
    this.#unreadable.push(...cursor.unreadable)
  }

  async #check(digest: Digest): Promise<boolean> {
    this.#signal.throwIfAborted()
    try {
      const right = await isIntact(this.#content, digest, {
        signal: this.#signal,
        onBytes: (count) => {
          this.#bytes += count
          return this.#pace.spend(count)
        },
      })
      this.#blobs += 1
      const damaged = right === false ? await quarantine(this.#content, digest) : undefined
      if (damaged && this.#damaged.length < MAX_LISTED) this.#damaged.push(damaged)
      return damaged === undefined
    } catch (error) {
      if (this.#signal.aborted || !isUnreadable(error)) throw error
      if (this.#unreadable.length < MAX_LISTED) this.#unreadable.push(digest)
      return false
    }
  }

  #tell(): ScrubStep {
    this.#toldAt = performance.now()
    return this.step
  }

  async #save(): Promise<void> {
    this.#savedAt = performance.now()
    const { blobs, bytes, damaged, unreadable } = this.step
    const cursor: Cursor = { behind: this.#behind, blobs, bytes, damaged, unreadable }
    const text = JSON.stringify(cursor)
    await this.#content.driver.writeAll(CURSOR_PATH, Buffer.from(JSON.stringify({ sum: sumOf(text), text })))
  }
}

/** Behind every digest. */
const END = 'sha513'

function fractionOf(behind: string): number {
  const digest = parseDigest(behind)
  if (digest === undefined) return behind === END ? 1 : 0
  // sha512 comes last, and there is little of it.
  return digest.startsWith('sha256') ? Number.parseInt(hexOf(digest).slice(0, 6), 16) / 2 ** 24 : 1
}

/** What the file system says when the disk beneath it fails; a file that shrinks while it is read is damaged too. */
function isUnreadable(error: unknown): boolean {
  if (error instanceof StorageUnavailableError) return true
  return error instanceof Error && 'code' in error && error.code === 'EIO'
}

interface Cursor {
  /** The last digest that was looked at. */
  readonly behind: string
  readonly blobs: number
  readonly bytes: number
  readonly damaged: readonly DamagedBlob[]
  readonly unreadable: readonly Digest[]
}

/** Undefined when there is none, or it was cut short: then the work begins anew. */
async function readCursor(driver: StorageDriver): Promise<Cursor | undefined> {
  try {
    const bytes = await driver.readAll(CURSOR_PATH, { maxBytes: MAX_CURSOR_BYTES })
    const { sum, text } = Object(JSON.parse(bytes.toString())) as { sum?: unknown; text?: unknown }
    // What has the right sum is what #save() has written.
    return typeof text === 'string' && sum === sumOf(text) ? (JSON.parse(text) as Cursor) : undefined
  } catch (error) {
    if (error instanceof PathNotFoundError || error instanceof SyntaxError || error instanceof RangeError)
      return undefined
    throw error
  }
}

function sumOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
