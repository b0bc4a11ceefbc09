// The work of one fill: this process fetches the blob, or follows the one that does and takes over when that is gone.
import type { Readable } from 'node:stream'
import { UpstreamUnavailableError } from '../../../upstream/errors.ts'
import { MIRROR_FAILURES } from '../as-cache.ts'
import type { BlobSpool } from './blob-spool.ts'
import type { Claim } from './fill-claims.ts'
import type { FillProgress } from './fill-progress.ts'
import type { FillRequest } from './fill-request.ts'
import { followFill, untilPutAway } from './follow-fill.ts'
import { leadFill, SpoolFailedError } from './lead-fill.ts'
import type { OwnClaim } from './own-claim.ts'
import { SeenClaim } from './seen-claim.ts'

export interface FillParts {
  readonly claim: Claim
  readonly progress: FillProgress
  readonly spool: BlobSpool
  /** The upstream's answer, unread. */
  readonly body: Readable | undefined
}

export class FillRun {
  readonly #request: FillRequest
  readonly #parts: FillParts
  #claim: Claim

  constructor(request: FillRequest, parts: FillParts) {
    this.#request = request
    this.#parts = parts
    this.#claim = parts.claim
  }

  /** Never rejects. */
  async work(): Promise<void> {
    const { progress } = this.#parts
    try {
      while (!this.#claim.isOwn) if (!(await this.#follow(this.#claim))) return
      await this.#lead(this.#claim)
    } catch (error) {
      publish(error)
      progress.end('failed', error)
    } finally {
      this.#request.room.leave(progress)
      this.#request.forget()
    }
  }

  /** Its last client has left. Answers what to call when it goes on and another one comes. */
  onUnread(): (() => void) | undefined {
    const { progress } = this.#parts
    // Where another process fetches it, that one decides whether it goes on.
    const missing = progress.size - progress.written
    const adopted = this.#claim.isOwn ? this.#request.orphans.adopt(missing, () => this.#giveUp()) : undefined
    if (!adopted) this.#giveUp()
    return adopted
  }

  #giveUp(): void {
    const error = new UpstreamUnavailableError('a download that nobody waits for was given up')
    if (this.#claim.isOwn) publish(error)
    this.#request.forget()
    this.#parts.progress.end('failed', error)
    this.#request.giveUp.abort(error)
  }

  async #lead(claim: OwnClaim): Promise<void> {
    const { progress } = this.#parts
    const { signal, open } = this.#request
    const reopen = async (range: { start: number; end: number }): Promise<Readable> =>
      (await open(range)).body
    try {
      await leadFill({ ...this.#parts, digest: this.#request.digest, reopen, signal })
    } catch (error) {
      if (error !== signal.reason) publish(error)
      progress.end(error instanceof SpoolFailedError ? 'unspooled' : 'failed', error)
      this.#request.forget()
      // What was fetched is gone on with by whoever comes next.
      if (signal.aborted) return claim.leave()
      await claim.end(error instanceof SpoolFailedError ? 'full' : 'failed')
      return claim.remove()
    }
    progress.end('verified')
    await claim.end('verified')
    await this.#keep(claim).catch(publish)
    await claim.remove()
  }

  async #keep(claim: OwnClaim): Promise<void> {
    const { keep, link, digest, repositories, forget } = this.#request
    await keep(claim.dataPath, { digest, size: this.#parts.progress.size })
    await link(repositories, digest)
    // From here on nobody may join and expect to be linked.
    forget()
  }

  /** True when this process has to go on, with another claim. */
  async #follow(claim: SeenClaim): Promise<boolean> {
    const { signal, digest } = this.#request
    try {
      const outcome = await followFill(claim, { ...this.#parts, signal })
      if (outcome !== 'ended') return await this.#followNext(claim, outcome)
      if (this.#parts.progress.state !== 'verified') return false
      await untilPutAway(claim, signal)
      if (await this.#request.isKept(digest)) await this.#request.link(this.#request.repositories, digest)
      return false
    } finally {
      await claim.close()
    }
  }

  /** The bytes that were given out already must be those that are gone on with: others may be other bytes. */
  async #followNext(claim: SeenClaim, outcome: 'replaced' | 'leaderless'): Promise<boolean> {
    const { claims, repository } = this.#request
    const next =
      outcome === 'replaced' ? await SeenClaim.open(claim.path) : await claims.takeOver(claim, repository)
    if (next?.dataPath === claim.dataPath) {
      this.#claim = next
      return true
    }
    await (next?.isOwn ? next.remove() : next?.close())
    this.#parts.progress.end('failed', new UpstreamUnavailableError('who fetched the blob gave it up'))
    return false
  }
}

function publish(error: unknown): void {
  MIRROR_FAILURES.publish({ error })
}
