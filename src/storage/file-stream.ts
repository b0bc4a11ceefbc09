// The bytes of an open file as a stream, which can also send itself to a sink at half the cost.
import type { FileHandle } from 'node:fs/promises'
import { addAbortSignal, Readable, type Writable } from 'node:stream'
import type { ByteRange } from '../oci/byte-range.ts'
import type { SendableStream } from './driver.ts'
import type { BufferPool } from './buffer-pool.ts'

export interface FileStreamOptions {
  /** Closed with the stream. */
  readonly handle: FileHandle
  readonly range: ByteRange
  readonly pool: BufferPool
  readonly signal?: AbortSignal | undefined
}

/** What a reader or a sink gets at once when it is no part of the pool's business, or the pool is empty. */
const SMALL_BYTES = 64 * 1024

export class FileStream extends Readable implements SendableStream {
  readonly #handle: FileHandle
  readonly #pool: BufferPool
  readonly #end: number
  #position: number

  constructor({ handle, range, pool, signal }: FileStreamOptions) {
    super({ highWaterMark: SMALL_BYTES })
    this.#handle = handle
    this.#pool = pool
    this.#position = range.start
    this.#end = range.end
    // A reader that went away may have left nobody to listen; a failed read rejects `sendTo` or ends the stream.
    this.on('error', () => undefined)
    // Not before the fields are there: a signal that has fired destroys the stream at once.
    if (signal) addAbortSignal(signal, this)
  }

  async sendTo(sink: Writable): Promise<void> {
    const closed = Promise.withResolvers<never>()
    const onClose = () => closed.reject(readerGone())
    sink.once('close', onClose)
    closed.promise.catch(() => {})
    const buffers = [this.#borrow(), this.#borrow()]
    let sent = false
    try {
      if (sink.destroyed) onClose()
      await this.#pump(sink, buffers, closed.promise)
      sent = true
    } finally {
      sink.off('close', onClose)
      // A write that was cut off may still hold its buffer.
      for (const { buffer, pooled } of buffers) if (pooled) this.#pool.giveBack(buffer, { reusable: sent })
      this.destroy()
    }
  }

  override _read(): void {
    const length = Math.min(SMALL_BYTES, this.#end - this.#position + 1)
    if (length <= 0) return void this.push(null)
    this.#fill(Buffer.allocUnsafe(length), length).then(
      (chunk) => this.push(chunk),
      (error: unknown) => this.destroy(error instanceof Error ? error : new Error(String(error))),
    )
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const closed = this.#handle.close()
    void closed.then(
      () => process.nextTick(callback, error),
      (failure: unknown) => process.nextTick(callback, error ?? failure),
    )
  }

  /** One buffer is read into while the sink takes the other. */
  async #pump(sink: Writable, buffers: readonly { buffer: Buffer }[], closed: Promise<never>): Promise<void> {
    let taken: Promise<void> = Promise.resolve()
    for (let turn = 0; this.#position <= this.#end; turn++) {
      const buffer = buffers[turn % buffers.length]?.buffer ?? Buffer.allocUnsafe(SMALL_BYTES)
      const chunk = await this.#fill(buffer, Math.min(buffer.length, this.#end - this.#position + 1))
      await Promise.race([taken, closed])
      taken = written(sink, chunk)
      // Told by `closed` when nobody waits for it any more.
      taken.catch(() => {})
    }
    await Promise.race([taken, closed])
  }

  async #fill(buffer: Buffer, length: number): Promise<Buffer> {
    const { bytesRead } = await this.#handle.read(buffer, 0, length, this.#position)
    if (bytesRead === 0) throw new Error('the file was cut short while it was read')
    this.#position += bytesRead
    return bytesRead === buffer.length ? buffer : buffer.subarray(0, bytesRead)
  }

  #borrow(): { buffer: Buffer; pooled: boolean } {
    const needed = this.#end - this.#position + 1
    const lent = needed > SMALL_BYTES ? this.#pool.take() : undefined
    const buffer = lent ?? Buffer.allocUnsafe(Math.max(1, Math.min(SMALL_BYTES, needed)))
    return { buffer, pooled: lent !== undefined }
  }
}

function written(sink: Writable, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    // Whatever a socket calls it: a reset, a broken pipe, a stream that was destroyed.
    sink.write(chunk, (cause) => (cause ? reject(readerGone(cause)) : resolve()))
  })
}

/** As a pipe calls it. */
function readerGone(cause?: Error): Error {
  return Object.assign(new Error('the reader went away', { cause }), { code: 'ERR_STREAM_PREMATURE_CLOSE' })
}
