// The garbage collector of one store: marks what is needed, then sweeps what is not, while the store serves.
import type { Digest } from '../../../oci/digest.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { ContentStore } from '../../content/content-store.ts'
import { BlobTable } from './blob-table.ts'
import type { GcReport, GcRun, GcStep } from './gc-run.ts'
import { mark } from './mark.ts'
import { flatOut, type Pace } from './pace.ts'
import { walkBlobs } from '../../content/store-walk.ts'
import type { SharedFence } from './shared-fence.ts'
import { sweep } from './sweep.ts'

const TELL_EVERY_MS = 250

export interface CollectorOptions {
  readonly content: ContentStore
  /** Those that every request to the store passes. */
  readonly fence: SharedFence
  /** Makes caches forget a manifest that is gone. */
  readonly forget?: (repository: RepositoryName, digest: Digest) => Promise<void>
  /** Says why nothing may be removed now, such as a process whose requests do not pass the fence; asked before each removal. */
  readonly objection?: () => Promise<string | undefined>
  /** How fast a run goes: flat out, unless clients are served meanwhile, who are not to wait for it. */
  readonly pace?: () => Pace
  /** The clock that dates files, in ms since the epoch. */
  readonly now?: () => number
}

export interface CollectOptions {
  /** Removes nothing, and tells what would be. */
  readonly dryRun: boolean
  /** Also removes manifests that no tag, no index and no subject keeps. */
  readonly untagged: boolean
  /** How young (ms) is too young to go, where it is to be less than clients are promised: their pushes may then fail. */
  readonly graceMs?: number
  readonly signal: AbortSignal
}

/** The store cannot be collected now. */
export class GcRefusedError extends Error {
  override readonly name = 'GcRefusedError'
  readonly code = 'GC_REFUSED'
  /** When it can be, in ms since the epoch; undefined where nobody knows. */
  readonly retryAt: number | undefined
  constructor(message: string, retryAt?: number) {
    super(message)
    this.retryAt = retryAt
  }
}

export class Collector {
  readonly #options: CollectorOptions
  #isRunning = false

  constructor(options: CollectorOptions) {
    this.#options = options
  }

  /**
   * Runs once, telling each step. A run that ends early, by `signal` or by a kill, has removed only what was garbage; the
   * next one goes on from there. Rejects with {@link GcRefusedError}.
   */
  async *collect(options: CollectOptions): AsyncGenerator<GcStep, GcReport, void> {
    if (this.#isRunning) throw new GcRefusedError('a garbage collection of this store is running already')
    this.#isRunning = true
    // From before the first look at the store: what is confirmed or pushed from now on outlives this run.
    const thaw = await this.#options.fence.freeze()
    try {
      if (!options.dryRun) await this.#requireConsent(options)
      return yield* this.#run(options)
    } finally {
      this.#isRunning = false
      await thaw()
    }
  }

  /** What another process told its clients is not known here: it has to be gone, and their grace over. */
  #requireKnowledge({ graceMs }: CollectOptions): void {
    const { fence } = this.#options
    const retryAt = fence.knownSince + (graceMs ?? fence.graceMs)
    if (fence.now() < retryAt)
      throw new GcRefusedError(
        'clients may still count on blobs that they were told of by a process that is gone: ' +
          `try again after ${new Date(retryAt).toISOString()}`,
        retryAt,
      )
  }

  async #requireConsent(options: CollectOptions): Promise<void> {
    this.#requireKnowledge(options)
    const objection = await this.#options.objection?.()
    if (objection !== undefined) throw new GcRefusedError(objection)
  }

  async *#run(options: CollectOptions): AsyncGenerator<GcStep, GcReport, void> {
    const { dryRun, untagged, graceMs, signal } = options
    const { content, fence, forget = async () => {}, pace = () => flatOut, now = Date.now } = this.#options
    const begunAt = performance.now()
    const run: GcRun = {
      content,
      fence,
      forget,
      requireConsent: () => this.#requireConsent(options),
      dryRun,
      untagged,
      signal,
      table: new BlobTable(),
      cutoff: now() - (graceMs ?? fence.graceMs),
      counts: { ...NOTHING },
      pace: pace(),
      isTimeToTell: everySoOften(),
    }
    yield* list(run)
    yield* mark(run)
    yield* sweep(run)
    const durationMs = Math.round(performance.now() - begunAt)
    return { dryRun, untagged, ...run.counts, durationMs }
  }
}

const NOTHING: GcRun['counts'] = {
  repositories: 0,
  manifests: 0,
  blobs: 0,
  removedManifests: 0,
  removedBlobs: 0,
  freedBytes: 0,
  waitingBlobs: 0,
}

/** Comes before the mark: what is pushed later is not in the table, so no mark can miss it. */
async function* list(run: GcRun): AsyncGenerator<GcStep, void, void> {
  for await (const digest of run.pace(walkBlobs(run.content.driver))) {
    run.signal.throwIfAborted()
    run.table.add(digest)
    if (run.isTimeToTell()) yield { phase: 'list', done: run.table.size }
  }
  run.counts.blobs = run.table.size
}

function everySoOften(): () => boolean {
  let toldAt = performance.now()
  return () => {
    const now = performance.now()
    if (now - toldAt < TELL_EVERY_MS) return false
    toldAt = now
    return true
  }
}
