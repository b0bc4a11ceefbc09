// The fill of a blob in a process that leaves the upstream to another one: it looks how far that one has come.
import { setTimeout as pause } from 'node:timers/promises'
import { UpstreamUnavailableError } from '../../../upstream/errors.ts'
import type { BlobSpool } from './blob-spool.ts'
import type { FillProgress } from './fill-progress.ts'
import type { SeenClaim } from './seen-claim.ts'

/** How soon it is looked again: at once while bytes come, less often while none do. */
const MIN_PAUSE_MS = 5
const MAX_PAUSE_MS = 100
/** How long nothing may change before the other process is looked at. */
const DOUBT_MS = 250

/** `leaderless`: nobody fetches the blob any more; somebody has to take the claim over. */
export type FollowOutcome = 'ended' | 'replaced' | 'leaderless'

/** Lets `progress` follow the claim until that has ended or has lost its owner. */
export async function followFill(
  claim: SeenClaim,
  { spool, progress, signal }: { spool: BlobSpool; progress: FillProgress; signal: AbortSignal },
): Promise<FollowOutcome> {
  const patience = new Patience()
  for (;;) {
    const before = progress.written
    // The claim first: when it says that all is there, all is.
    await claim.refresh()
    progress.grow(Math.min(await spool.refresh(), progress.size))
    const end = claim.text?.end
    if (end === 'left') return 'leaderless'
    if (end === 'verified') return endWith(progress, 'verified')
    if (end === 'full') return endWith(progress, 'unspooled')
    if (end === 'failed') return endWith(progress, 'failed')
    if (claim.isRemoved) return 'replaced'
    if (progress.written > before) patience.reset()
    else if (patience.isDoubting && (await claim.isFree())) return 'leaderless'
    await patience.wait(signal)
  }
}

/** Resolves with the size of the blob once the upstream has told the other process; undefined when that gave up before. */
export async function announcedSize(claim: SeenClaim, signal: AbortSignal): Promise<number | undefined> {
  const patience = new Patience()
  for (;;) {
    await claim.refresh()
    const { size, end } = claim.text ?? {}
    if (size !== undefined) return size
    if (end !== undefined || claim.isRemoved) return undefined
    if (patience.isDoubting && (await claim.isFree())) return undefined
    await patience.wait(signal)
  }
}

/** Resolves when the other process has kept the blob, or could not, and has put its claim away. */
export async function untilPutAway(claim: SeenClaim, signal: AbortSignal): Promise<void> {
  const patience = new Patience()
  for (;;) {
    await claim.refresh()
    if (claim.isRemoved || (patience.isDoubting && (await claim.isFree()))) return
    await patience.wait(signal)
  }
}

function endWith(progress: FillProgress, state: 'verified' | 'unspooled' | 'failed'): FollowOutcome {
  if (state === 'verified') progress.grow(progress.size)
  progress.end(state, new UpstreamUnavailableError('the upstream broke off'))
  return 'ended'
}

class Patience {
  #pauseMs = MIN_PAUSE_MS
  #lookedAt = performance.now()

  /** Nothing has changed for long, or nobody has looked at the other process for long. */
  get isDoubting(): boolean {
    if (performance.now() - this.#lookedAt < DOUBT_MS) return false
    this.#lookedAt = performance.now()
    return true
  }

  reset(): void {
    this.#pauseMs = MIN_PAUSE_MS
    this.#lookedAt = performance.now()
  }

  async wait(signal: AbortSignal): Promise<void> {
    await pause(this.#pauseMs, undefined, { signal })
    this.#pauseMs = Math.min(this.#pauseMs * 1.5, MAX_PAUSE_MS)
  }
}
