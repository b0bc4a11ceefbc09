// Holds work to a number of bytes a second.
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises'

/** Shorter waits are not worth a timer: they are made up for later. */
const MIN_WAIT_MS = 10
/** Time that was not used is not saved up for longer than this. */
const MAX_CREDIT_MS = 250

export class Pace {
  readonly #msPerByte: number
  readonly #signal: AbortSignal
  /** When what was spent so far is paid for. */
  #paidAt = performance.now()

  constructor(bytesPerSecond: number, signal: AbortSignal) {
    this.#msPerByte = 1000 / bytesPerSecond
    this.#signal = signal
  }

  /** Resolves when so many bytes more are within the pace. Rejects when the signal is aborted. */
  async spend(bytes: number): Promise<void> {
    const now = performance.now()
    this.#paidAt = Math.max(this.#paidAt, now - MAX_CREDIT_MS) + bytes * this.#msPerByte
    const wait = this.#paidAt - now
    // Requests are served between any two chunks.
    await (wait < MIN_WAIT_MS ? turn() : pause(wait, undefined, { signal: this.#signal }))
    this.#signal.throwIfAborted()
  }
}
