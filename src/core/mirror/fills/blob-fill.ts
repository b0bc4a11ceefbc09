// One blob on its way, as the clients of this process see it: each reads the growing spool at its own pace.
import { Readable } from 'node:stream'
import type { ByteRange } from '../../../oci/byte-range.ts'
import type { Digest, Digester } from '../../../oci/digest.ts'
import type { OpenBlob } from '../../registry.ts'
import type { BlobSpool } from './blob-spool.ts'
import type { FillProgress } from './fill-progress.ts'
import { heldBack } from './held-back.ts'
import { hashedPrefix } from './lead-fill.ts'

export interface BlobFillOptions {
  readonly digest: Digest
  readonly progress: FillProgress
  /** Undefined when the local disk has no room: then every client gets a stream of its own. */
  readonly spool: BlobSpool | undefined
  /** Aborted when it was given up. */
  readonly signal: AbortSignal
  /** Asks the upstream for a part of the blob. */
  readonly reopen: (range: ByteRange) => Promise<Readable>
  /** Lets the spool grow until `progress` has ended, and puts away what is left. Must not reject. */
  readonly work: () => Promise<void>
  /** Its last client has left before the end. Answers what to call when another one comes. */
  readonly onUnread: () => (() => void) | undefined
}

const READ_BYTES = 256 * 1024

export class BlobFill {
  /** Resolves when the bytes are kept, or it is clear that they will not be. */
  readonly ended: Promise<void>
  readonly #options: BlobFillOptions
  #readers = 0
  #isEnded = false
  #onRead: (() => void) | undefined
  #prefix: Promise<Digester> | undefined

  /** Begins to fetch the blob before anybody reads it. */
  constructor(options: BlobFillOptions) {
    this.#options = options
    this.ended = this.#run()
  }

  /**
   * One client's view. Its streams fail with the upstream's failure, without having given all bytes.
   * Undefined once the fill was given up, or has ended and nobody reads it any more.
   */
  open(): OpenBlob | undefined {
    const { progress, spool, signal } = this.#options
    if (signal.aborted || (spool && this.#isEnded && this.#readers === 0)) return undefined
    this.#readers++
    this.#onRead?.()
    this.#onRead = undefined
    return {
      size: progress.size,
      cache: 'miss',
      read: async (range = { start: 0, end: progress.size - 1 }) =>
        Readable.from(this.#follow(range), { objectMode: false, highWaterMark: READ_BYTES }),
      release: () => {
        this.#readers--
        if (this.#readers === 0) this.#goOnOrGiveUp()
        void this.#closeWhenUnused()
      },
    }
  }

  async #run(): Promise<void> {
    await this.#options.work()
    this.#isEnded = true
    this.#onRead?.()
    this.#onRead = undefined
    await this.#closeWhenUnused()
  }

  async *#follow({ start, end }: ByteRange): AsyncGenerator<Uint8Array> {
    const { spool, progress } = this.#options
    for (let position = start; position <= end;) {
      if (progress.state === 'failed') throw progress.failure
      const last = Math.min(end, progress.readable - 1)
      if (spool && position <= last) {
        const chunk = await spool.read(position, last)
        position += chunk.length
        yield chunk
      } else if (progress.state === 'unspooled') return yield* this.#stream({ start: position, end })
      else await progress.changed
    }
  }

  /** The rest of a blob that could not be spooled, straight from the upstream. */
  async *#stream(range: ByteRange): AsyncGenerator<Uint8Array> {
    const { digest, spool, progress, reopen } = this.#options
    const { written, size } = progress
    const rest = { start: Math.min(written, size - 1), end: size - 1 }
    const prefix = await (this.#prefix ??= hashedPrefix(spool, rest.start, digest))
    const body: AsyncIterable<Uint8Array> = await reopen(range)
    // Only who has read everything up to here can know whether the whole is right; a part alone proves nothing.
    const isRest = range.start === rest.start && range.end === rest.end
    yield* isRest ? heldBack(body, prefix.copy(), digest) : body
  }

  /** Its last client has left. */
  #goOnOrGiveUp(): void {
    if (!this.#isEnded && this.#options.progress.state === 'coming') this.#onRead = this.#options.onUnread()
  }

  async #closeWhenUnused(): Promise<void> {
    if (this.#isEnded && this.#readers === 0) await this.#options.spool?.close().catch(() => undefined)
  }
}
