// Request bodies: asked for, read within bounds, or politely left unread.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { RegistryError } from '../oci/error.ts'
import type { UploadChunk } from '../core/registry.ts'
import type { ByteBudget } from './byte-budget.ts'

/** How much of a body that nobody wants is read and dropped, so that the client gets to see the answer. */
const LINGER_BYTES = 8 * 1024 * 1024
const LINGER_MS = 5_000

/** A manifest on the slowest line takes seconds. */
const SMALL_BODY_MS = 60_000

/** Tells a client that waits with its body (`Expect: 100-continue`) to send it. Call when the request was allowed. */
export function acceptBody(req: IncomingMessage, res: ServerResponse): IncomingMessage {
  if (req.headers.expect !== undefined && !res.headersSent) res.writeContinue()
  return req
}

/**
 * Reads a small body whole. Rejects with 413 above `maxBytes`, before reading when the client says so itself, and with 503
 * when too many bodies are being read at once. A body that takes longer than a minute cuts its connection.
 */
export async function readBody(
  req: IncomingMessage,
  res: ServerResponse,
  { maxBytes, budget }: { maxBytes: number; budget: ByteBudget },
): Promise<Buffer> {
  if ((declaredLength(req) ?? 0) > maxBytes) throw tooLarge(maxBytes)
  const chunks: Buffer[] = []
  let size = 0
  const late = setTimeout(() => req.destroy(), SMALL_BODY_MS)
  try {
    // The socket must outlive a body that is too large: the answer has still to go out.
    const body = acceptBody(req, res).iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
    for await (const chunk of body) {
      if (size + chunk.length > maxBytes) throw tooLarge(maxBytes)
      if (!budget.take(chunk.length)) throw tooBusy()
      size += chunk.length
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } finally {
    clearTimeout(late)
    budget.giveBack(size)
  }
}

/** The body as a chunk of an upload, with what the client says of its place and length. */
export function uploadChunk(req: IncomingMessage, res: ServerResponse): UploadChunk {
  const range = contentRange(req.headers['content-range'])
  // Where both are told, the range is the larger promise: a body that does not keep it is refused.
  const length = range ? range.end - range.start + 1 : declaredLength(req)
  return {
    body: acceptBody(req, res),
    ...(range ? { start: range.start } : {}),
    ...(length === undefined ? {} : { length }),
  }
}

export function hasBody(req: IncomingMessage): boolean {
  return req.headers['transfer-encoding'] !== undefined || (declaredLength(req) ?? 0) > 0
}

/**
 * What is to happen with a body that nobody wants, before the answer's end: undefined when nothing is, else resolves
 * when the client has sent it or a bounded part of it was dropped. Closing at once would reset the connection while the
 * client is sending, and the answer would be lost.
 */
export function leaveBody(req: IncomingMessage, res: ServerResponse): Promise<void> | undefined {
  if (req.complete || !hasBody(req)) return undefined
  if (req.headers.expect !== undefined) {
    // A client that waits for `100 Continue` will not send its body: what follows would be taken for one.
    res.setHeader('Connection', 'close')
    return undefined
  }
  const { promise, resolve } = Promise.withResolvers<void>()
  let dropped = 0
  const timer = setTimeout(() => req.destroy(), LINGER_MS)
  req.on('data', (chunk: Buffer) => {
    dropped += chunk.length
    if (dropped > LINGER_BYTES) req.destroy()
  })
  req.once('end', resolve).once('close', () => {
    clearTimeout(timer)
    resolve()
  })
  req.resume()
  return promise
}

function declaredLength(req: IncomingMessage): number | undefined {
  const header = req.headers['content-length']
  return header === undefined ? undefined : Number(header)
}

/** `<start>-<end>`, as distribution-spec end-5 writes it; some clients put `bytes ` before it. */
function contentRange(header: string | undefined): { start: number; end: number } | undefined {
  if (header === undefined) return undefined
  const match = /^(?:bytes[ =])?(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?$/.exec(header)
  const [start, end] = [Number(match?.[1]), Number(match?.[2])]
  if (!match || end < start)
    throw new RegistryError('RANGE_INVALID', 'Content-Range is not "<start>-<end>"', { status: 400 })
  return { start, end }
}

function tooBusy(): RegistryError {
  return new RegistryError('UNAVAILABLE', 'too many manifests are being pushed: try again shortly', {
    headers: { 'Retry-After': '1' },
  })
}

function tooLarge(maxBytes: number): RegistryError {
  return new RegistryError('SIZE_INVALID', `the body is larger than ${maxBytes} bytes`, { status: 413 })
}
