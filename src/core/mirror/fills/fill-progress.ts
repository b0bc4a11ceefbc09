// How far a blob on its way has come, for those who read it meanwhile.
import { UpstreamError, UpstreamUnavailableError } from '../../../upstream/errors.ts'

/** `coming`, then one of the others; `unspooled`: what is missing comes by a stream for each reader. */
export type FillState = 'coming' | 'verified' | 'failed' | 'unspooled'

export class FillProgress {
  /** Bytes of the whole blob, as the upstream announced them. */
  readonly size: number
  #written = 0
  #state: FillState = 'coming'
  #failure: Error | undefined
  #changed = Promise.withResolvers<void>()

  constructor(size: number) {
    this.size = size
  }

  get state(): FillState {
    return this.#state
  }

  /** Bytes that lie in the spool. */
  get written(): number {
    return this.#written
  }

  /** Bytes that may be given out: the last one only when all are known to be right. */
  get readable(): number {
    return this.#state === 'verified' ? this.size : Math.min(this.#written, this.size - 1)
  }

  /** Why it failed. */
  get failure(): Error {
    return this.#failure ?? new UpstreamUnavailableError('the upstream broke off')
  }

  /** Resolves at the next change. */
  get changed(): Promise<void> {
    return this.#changed.promise
  }

  grow(written: number): void {
    if (written <= this.#written) return
    this.#written = written
    this.#announce()
  }

  /** The first end counts. */
  end(state: Exclude<FillState, 'coming'>, cause?: unknown): void {
    if (this.#state !== 'coming') return
    this.#state = state
    this.#failure =
      cause instanceof UpstreamError
        ? cause
        : new UpstreamUnavailableError('the upstream broke off', { cause })
    this.#announce()
  }

  #announce(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }
}
