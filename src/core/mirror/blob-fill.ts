// One blob on its way from the upstream: read once, spooled, and followed by every client at that client's own pace.
import { Readable } from 'node:stream'
import { algorithmOf, createDigester, type Digest, type Digester } from '../../oci/digest.ts'
import type { ByteRange } from '../../oci/byte-range.ts'
import type { FileWriter } from '../../storage/driver.ts'
import { UpstreamError, UpstreamInvalidAnswerError, UpstreamUnavailableError } from '../../upstream/errors.ts'
import type { OpenBlob } from '../registry.ts'
import { MIRROR_FAILURES } from './as-cache.ts'
import type { BlobSpool } from './blob-spool.ts'
import type { OrphanFills } from './fill-limits.ts'
import { heldBack, requireDigest } from './held-back.ts'

export interface BlobFillOptions {
  readonly digest: Digest
  /** Bytes of the whole blob, as the upstream announced them. */
  readonly size: number
  /** The upstream's answer to the first request, unread. */
  readonly body: Readable
  /** Asks the upstream again for a part of the blob. */
  readonly reopen: (range: ByteRange) => Promise<Readable>
  /** Undefined when the local disk has no room: then every client gets a stream of its own. */
  readonly spool: BlobSpool | undefined
  /** Where the bytes are kept, if they can be. */
  readonly writer: FileWriter | undefined
  /** Takes over a writer whose bytes are those of the digest. */
  readonly keep: (writer: FileWriter) => Promise<void>
  /** Decides whether it goes on when its last client leaves. */
  readonly orphans: OrphanFills
  /** Called as soon as whoever comes from now on is better served by a new fill. */
  readonly onBroken: () => void
}

const READ_BYTES = 256 * 1024
/** How often a transfer that breaks off is taken up again. */
const MAX_RESUMES = 5

/** `spooling` → `verified`, or `failed`, or `unspooled` when the disk is full: then the rest comes by other streams. */
type State = 'spooling' | 'verified' | 'failed' | 'unspooled'

export class BlobFill {
  /** Resolves when the bytes are kept, or it is clear that they will not be. */
  readonly ended: Promise<void>
  readonly #options: BlobFillOptions
  readonly #digester: Digester
  #body: Readable
  #writer: FileWriter | undefined
  #state: State = 'spooling'
  #failure: unknown
  #written = 0
  #changed = Promise.withResolvers<void>()
  #readers = 0
  #isClosed = false
  #isAbandoned = false
  /** Set while it goes on without readers. */
  #endOrphanhood: (() => void) | undefined

  /** Starts reading the upstream before anybody reads the blob. */
  constructor(options: BlobFillOptions) {
    this.#options = options
    this.#body = options.body
    this.#writer = options.writer
    this.#digester = createDigester(algorithmOf(options.digest))
    this.ended = this.#run()
  }

  /**
   * One client's view. Its streams fail with the upstream's failure, without having given all bytes.
   * Undefined once the fill was given up, or has ended and nobody reads it any more.
   */
  open(): OpenBlob | undefined {
    const { size, spool } = this.#options
    if (this.#isAbandoned || (spool && this.#isClosed && this.#readers === 0)) return undefined
    this.#readers++
    this.#leaveOrphanage()
    return {
      size,
      cache: 'miss',
      read: async (range = { start: 0, end: size - 1 }) =>
        Readable.from(this.#follow(range), { objectMode: false, highWaterMark: READ_BYTES }),
      release: () => {
        this.#readers--
        if (this.#readers === 0) this.#goOnOrGiveUp()
        void this.#closeWhenUnused()
      },
    }
  }

  async #run(): Promise<void> {
    const { spool, digest, keep } = this.#options
    try {
      if (spool) await this.#receive(spool)
      else this.#break('unspooled')
      if (this.#state !== 'spooling') return
      requireDigest(this.#digester, digest)
      this.#state = 'verified'
      this.#announce()
      const writer = this.#writer
      this.#writer = undefined
      if (writer) await keep(writer)
    } catch (error) {
      MIRROR_FAILURES.publish({ error })
      if (this.#state === 'spooling') this.#break('failed', error)
    } finally {
      this.#body.destroy()
      this.#leaveOrphanage()
      await this.#dropWriter()
      this.#isClosed = true
      await this.#closeWhenUnused()
    }
  }

  async #receive(spool: BlobSpool): Promise<void> {
    const { size, reopen } = this.#options
    for (let resumes = 0; ; resumes++) {
      try {
        for await (const chunk of this.#body as AsyncIterable<Uint8Array>)
          if (!(await this.#take(spool, chunk))) return
        if (this.#written === size) return
        throw new UpstreamUnavailableError('the upstream sent less than it announced')
      } catch (error) {
        if (this.#isAbandoned) return
        if (error instanceof UpstreamInvalidAnswerError || resumes === MAX_RESUMES) throw error
      }
      this.#body = await reopen({ start: this.#written, end: size - 1 })
      if (this.#isAbandoned) return
    }
  }

  /** False once the spool has no room for more, or nobody wants it. */
  async #take(spool: BlobSpool, chunk: Uint8Array): Promise<boolean> {
    if (this.#isAbandoned) return false
    if (this.#written + chunk.length > this.#options.size)
      throw new UpstreamInvalidAnswerError('the upstream sent more than it announced')
    try {
      await spool.append(chunk)
    } catch (error) {
      MIRROR_FAILURES.publish({ error })
      this.#break('unspooled')
      return false
    }
    this.#digester.update(chunk)
    this.#written += chunk.length
    this.#announce()
    try {
      await this.#writer?.write(chunk)
    } catch (error) {
      MIRROR_FAILURES.publish({ error })
      await this.#dropWriter()
    }
    return true
  }

  async *#follow({ start, end }: ByteRange): AsyncGenerator<Uint8Array> {
    const { spool } = this.#options
    for (let position = start; position <= end;) {
      if (this.#state === 'failed') throw this.#failure
      const readable = Math.min(end + 1, this.#readable())
      if (spool && position < readable) {
        const chunk = await spool.read(position, Math.min(readable - position, READ_BYTES))
        if (chunk.length === 0) throw new Error('the spool of a blob was cut short')
        position += chunk.length
        yield chunk
      } else if (this.#state === 'unspooled') return yield* this.#stream({ start: position, end })
      else await this.#changed.promise
    }
  }

  /** Bytes that may be given out: the last one only when all are known to be right. */
  #readable(): number {
    return this.#state === 'verified' ? this.#options.size : Math.min(this.#written, this.#options.size - 1)
  }

  /** The rest of a blob that could not be spooled, straight from the upstream. */
  async *#stream(range: ByteRange): AsyncGenerator<Uint8Array> {
    const { digest, size, reopen } = this.#options
    const digester = this.#digester.copy()
    const body: AsyncIterable<Uint8Array> = await reopen(range)
    // Only who has read everything up to here can know whether the whole is right; a part alone proves nothing.
    const isRest = range.start === this.#written && range.end === size - 1
    yield* isRest ? heldBack(body, digester, digest) : body
  }

  /** Its last client has left. */
  #goOnOrGiveUp(): void {
    if (this.#state !== 'spooling') return
    const { size, orphans } = this.#options
    const giveUp = (): void => this.#abandon()
    this.#endOrphanhood = orphans.adopt(size - this.#written, giveUp)
    if (!this.#endOrphanhood) giveUp()
  }

  #abandon(): void {
    const error = new UpstreamUnavailableError('a download that nobody waits for was given up')
    this.#isAbandoned = true
    MIRROR_FAILURES.publish({ error })
    this.#break('failed', error)
    this.#body.destroy()
  }

  #leaveOrphanage(): void {
    this.#endOrphanhood?.()
    this.#endOrphanhood = undefined
  }

  #break(state: 'failed' | 'unspooled', cause?: unknown): void {
    this.#state = state
    this.#failure =
      cause instanceof UpstreamError
        ? cause
        : new UpstreamUnavailableError('the upstream broke off', { cause })
    this.#options.onBroken()
    this.#announce()
  }

  #announce(): void {
    this.#changed.resolve()
    this.#changed = Promise.withResolvers()
  }

  async #dropWriter(): Promise<void> {
    const writer = this.#writer
    this.#writer = undefined
    await writer?.cancel().catch((error: unknown) => MIRROR_FAILURES.publish({ error }))
  }

  async #closeWhenUnused(): Promise<void> {
    if (this.#isClosed && this.#readers === 0) await this.#options.spool?.close().catch(() => undefined)
  }
}
