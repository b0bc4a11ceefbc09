// Large buffers that are used again: allocating one for each read costs more than the read.

/** Lends a bounded number of buffers, and keeps a few of those that come back. */
export class BufferPool {
  readonly #bytes: number
  readonly #mostLent: number
  readonly #mostKept: number
  readonly #kept: Buffer[] = []
  #lent = 0

  constructor({ bytes, mostLent, mostKept }: { bytes: number; mostLent: number; mostKept: number }) {
    this.#bytes = bytes
    this.#mostLent = mostLent
    this.#mostKept = mostKept
  }

  /** Undefined when all are lent: the caller then does with less. */
  take(): Buffer | undefined {
    if (this.#lent === this.#mostLent) return undefined
    this.#lent += 1
    return this.#kept.pop() ?? Buffer.allocUnsafeSlow(this.#bytes)
  }

  /** For a buffer that nobody writes from or to any more; one that somebody might is dropped by `reusable: false`. */
  giveBack(buffer: Buffer, { reusable }: { reusable: boolean }): void {
    this.#lent -= 1
    if (reusable && this.#kept.length < this.#mostKept) this.#kept.push(buffer)
  }
}
