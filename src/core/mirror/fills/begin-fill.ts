// Begins a fill: this process claims the blob and asks the upstream, or finds out who does and follows.
import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { algorithmOf, createDigester } from '../../../oci/digest.ts'
import { UpstreamInvalidAnswerError } from '../../../upstream/errors.ts'
import { MIRROR_FAILURES } from '../as-cache.ts'
import { BlobFill } from './blob-fill.ts'
import { BlobSpool } from './blob-spool.ts'
import { FillProgress } from './fill-progress.ts'
import { FillRun, type FillParts } from './fill-run.ts'
import { announcedSize } from './follow-fill.ts'
import { requireDigest } from './held-back.ts'
import type { OwnClaim } from './own-claim.ts'
import type { SeenClaim } from './seen-claim.ts'
import type { FillRequest } from './fill-request.ts'

/** How often a claim that leads nowhere is looked at again. */
const ATTEMPTS = 100
const RETRY_MS = 10

/** Undefined when the bytes turn out to be kept. Rejects with the upstream's failure. */
export async function beginFill(request: FillRequest): Promise<BlobFill | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const claim = await request.claims.take(request.digest, request.repository).catch(degraded)
    if (claim === undefined) return withoutClaim(request)
    if (claim.isOwn) return lead(request, claim)
    const followed = await follow(request, claim)
    if (followed) return followed
    // Whoever fetched it was done, or refused: for another repository, maybe.
    if (await request.isKept(request.digest)) return undefined
    await pause(RETRY_MS, undefined, { signal: request.signal })
  }
  return withoutClaim(request)
}

async function withoutClaim(request: FillRequest): Promise<BlobFill | undefined> {
  if (await request.isKept(request.digest)) return undefined
  return streamed(request, (await request.stat()).size)
}

async function lead(request: FillRequest, claim: OwnClaim): Promise<BlobFill | undefined> {
  let opening: Promise<BlobSpool | undefined> | undefined
  try {
    if (!(await request.isKept(request.digest))) {
      // The disk gets ready while the upstream is asked.
      opening = BlobSpool.open(claim.dataPath).catch(degraded)
      return await fetched(request, claim, opening)
    }
  } catch (error) {
    await claim.end('failed')
    await (await opening)?.close()
    await claim.remove().catch(degraded)
    throw error
  }
  await claim.remove()
  return undefined
}

async function fetched(
  request: FillRequest,
  claim: OwnClaim,
  opening: Promise<BlobSpool | undefined>,
): Promise<BlobFill> {
  const free = request.room.free().catch(degraded)
  // The usual case asks before it has waited for the disk; what an earlier owner left is gone on with.
  const left = claim.size === undefined ? 0 : ((await opening)?.size ?? 0)
  const { size, body, from } = await openRest(request, claim.size, left)
  const [progress, spool] = [new FillProgress(size), await opening]
  if (spool && request.room.enter(progress, (await free) ?? 0)) {
    // Nobody knows what bytes are that came before the upstream had told their number.
    if (spool.size > from) await spool.clear()
    // Those who follow learn of it; who asked here need not wait for that.
    claim.announce(size).catch(degraded)
    return begun(request, { claim, progress, spool, body })
  }
  body?.destroy()
  await spool?.close()
  await claim.end('full')
  await claim.remove()
  return streamed(request, size)
}

/** What the spool lacks. The upstream is asked in any case: it may not let this repository have the blob. */
async function openRest(
  request: FillRequest,
  announced: number | undefined,
  left: number,
): Promise<{ size: number; body: Readable | undefined; from: number }> {
  const { open, stat, digest } = request
  if (left === announced) return { ...(await stat()), body: undefined, from: left }
  if (announced !== undefined && left > 0) {
    const rest = await open({ start: left, end: announced - 1 }).catch(unlessInvalid)
    if (rest?.size === announced) return { ...rest, from: left }
    // What is left is of an answer that the upstream does not give any more.
    rest?.body.destroy()
  }
  const { size, body } = await open(undefined)
  try {
    if (size === 0) requireDigest(createDigester(algorithmOf(digest)), digest)
    return { size, body, from: 0 }
  } catch (error) {
    body.destroy()
    throw error
  }
}

function unlessInvalid(error: unknown): undefined {
  if (!(error instanceof UpstreamInvalidAnswerError)) throw error
}

/** Undefined when there is nothing left to follow. */
async function follow(request: FillRequest, claim: SeenClaim): Promise<BlobFill | undefined> {
  try {
    // The upstream lets another repository have it: this one has it only if it says so.
    if (claim.text?.repository !== request.repository) await request.stat()
    const size = await announcedSize(claim, request.signal)
    const spool = size === undefined ? undefined : await BlobSpool.openExisting(claim.dataPath)
    if (size !== undefined && spool)
      return begun(request, { claim, progress: new FillProgress(size), spool, body: undefined })
  } catch (error) {
    await claim.close()
    throw error
  }
  await claim.close()
  return undefined
}

function begun(request: FillRequest, parts: FillParts): BlobFill {
  const run = new FillRun(request, parts)
  const { digest, signal } = request
  const { progress, spool } = parts
  return new BlobFill({
    digest,
    progress,
    spool,
    signal,
    reopen: async (range) => (await request.open(range)).body,
    work: () => run.work(),
    onUnread: () => run.onUnread(),
  })
}

/** Nothing is kept: every client gets a stream of its own. */
function streamed({ digest, signal, open, forget }: FillRequest, size: number): BlobFill {
  const progress = new FillProgress(size)
  progress.end('unspooled')
  forget()
  return new BlobFill({
    digest,
    progress,
    spool: undefined,
    signal,
    reopen: async (range) => (await open(range)).body,
    work: async () => undefined,
    onUnread: () => undefined,
  })
}

function degraded(error: unknown): undefined {
  MIRROR_FAILURES.publish({ error })
}
