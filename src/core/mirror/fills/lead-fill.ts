// The fill of a blob in the process that reads the upstream: each byte once, hashed on the way into the spool.
import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import type { ByteRange } from '../../../oci/byte-range.ts'
import { algorithmOf, createDigester, type Digest, type Digester } from '../../../oci/digest.ts'
import {
  UpstreamError,
  UpstreamInvalidAnswerError,
  UpstreamUnavailableError,
} from '../../../upstream/errors.ts'
import { noteReceived } from '../../piece-garbage.ts'
import type { BlobSpool } from './blob-spool.ts'
import type { FillProgress } from './fill-progress.ts'
import { requireDigest } from './held-back.ts'

export interface LeadFillOptions {
  readonly digest: Digest
  /** What it holds already is kept, and hashed again. */
  readonly spool: BlobSpool
  readonly progress: FillProgress
  /** The upstream's answer, unread: what the spool lacks. Undefined where it is still to be asked for that. */
  readonly body: Readable | undefined
  /** Asks the upstream again for a part of the blob. */
  readonly reopen: (range: ByteRange) => Promise<Readable>
  /** Aborted when nobody wants the blob any more. */
  readonly signal: AbortSignal
}

/** How often in a row a transfer that breaks off is taken up again, and what has to come for it to count as going on. */
const MAX_RESUMES = 5
const GOING_ON_BYTES = 1024 * 1024
const RESUME_PAUSE_MS = 50

/** The spool takes no more: the disk is full, or broken. */
export class SpoolFailedError extends Error {
  override readonly name = 'SpoolFailedError'
  readonly code = 'SPOOL_FAILED'
}

/** Resolves when all bytes are in the spool and are those of the digest. Rejects with {@link SpoolFailedError} or the upstream's failure. */
export async function leadFill(options: LeadFillOptions): Promise<void> {
  const { digest, spool, progress, body } = options
  try {
    progress.grow(spool.size)
    const digester = await hashedPrefix(spool, spool.size, digest)
    await receive(options, digester)
    await spooled(() => spool.flush())
    requireDigest(digester, digest)
  } finally {
    body?.destroy()
  }
}

/** What has hashed the first `length` bytes. */
export async function hashedPrefix(
  spool: BlobSpool | undefined,
  length: number,
  digest: Digest,
): Promise<Digester> {
  const digester = createDigester(algorithmOf(digest))
  for (let position = 0; spool && position < length;) {
    const bytes = await spool.read(position, length - 1)
    digester.update(bytes)
    position += bytes.length
  }
  return digester
}

async function receive(options: LeadFillOptions, digester: Digester): Promise<void> {
  const { spool, progress, signal } = options
  let { body } = options
  for (let [resumes, from] = [0, spool.size]; ; resumes += 1) {
    try {
      if (spool.size < progress.size)
        body ??= await options.reopen({ start: spool.size, end: progress.size - 1 })
      if (body) await take(options, body, digester)
      if (spool.size === progress.size) return
      throw new UpstreamUnavailableError('the upstream sent less than it announced')
    } catch (error) {
      signal.throwIfAborted()
      if (spool.size - from >= GOING_ON_BYTES) resumes = 0
      if (!mayResume(error) || resumes === MAX_RESUMES) throw error
    } finally {
      body?.destroy()
      body = undefined
    }
    from = spool.size
    await pause(RESUME_PAUSE_MS * 2 ** resumes, undefined, { signal })
  }
}

async function take(
  { spool, progress, signal }: LeadFillOptions,
  body: Readable,
  digester: Digester,
): Promise<void> {
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    signal.throwIfAborted()
    if (spool.size + chunk.length > progress.size)
      throw new UpstreamInvalidAnswerError('the upstream sent more than it announced')
    await spooled(() => spool.append(chunk))
    digester.update(chunk)
    progress.grow(spool.size)
    noteReceived(chunk.length)
  }
}

async function spooled(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (cause) {
    throw new SpoolFailedError('a blob on its way could not be written to the disk', { cause })
  }
}

/** An upstream that answers no is believed; one that breaks off is asked again. */
function mayResume(error: unknown): boolean {
  if (error instanceof SpoolFailedError) return false
  return !(error instanceof UpstreamError) || error instanceof UpstreamUnavailableError
}
