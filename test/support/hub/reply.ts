// Sends a reply, as it is or as a fault has it.
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { errorReply, type HubRequest, type Reply, type ReplyBody } from './exchange.ts'
import type { ActiveFault, Fault } from './faults.ts'

const SLOW_STEPS_PER_SECOND = 20

/** Sends `reply`, bent by the fault that strikes it, and fills in the record. Never rejects. */
export async function sendReply(
  res: ServerResponse,
  reply: Reply,
  record: HubRequest,
  active: ActiveFault | undefined,
): Promise<void> {
  const gone = new AbortController()
  res.once('close', () => gone.abort())
  try {
    const sending = new Sending(res, record, gone.signal, active)
    const isWhole = await sending.send(bend(reply, active?.fault, record))
    record.outcome = isWhole ? 'complete' : 'broken'
  } catch {
    record.outcome = 'aborted'
    res.destroy()
  }
}

/** The reply that a fault makes of the right one, before anything is sent. */
function bend(reply: Reply, fault: Fault | undefined, { path }: HubRequest): Reply {
  if (fault?.kind === 'meanwhile') fault.action()
  if (fault?.kind === 'status') return failure(fault)
  if (fault?.kind === 'redirect') return { status: fault.status ?? 307, headers: { Location: fault.to } }
  if (fault?.kind === 'redirect-loop') return { status: 307, headers: { Location: path } }
  if (fault?.kind === 'headers') return { ...reply, headers: changed(reply.headers, fault.set) }
  if (!reply.body) return reply
  if (fault?.kind === 'wrong-bytes') return { ...reply, body: flipped(reply.body) }
  if (fault?.kind === 'wrong-length') return { ...reply, body: resized(reply.body, fault.by) }
  if (fault?.kind === 'unannounced') return unannounced(reply, reply.body, fault.extraBytes ?? 0)
  if (fault?.kind === 'compressed') return compressed(reply, reply.body)
  return reply
}

const CODES: Readonly<Record<number, string>> = {
  401: 'UNAUTHORIZED',
  403: 'DENIED',
  404: 'MANIFEST_UNKNOWN',
  429: 'TOOMANYREQUESTS',
  503: 'UNAVAILABLE',
}

function failure({ status, retryAfter, message, headers }: Extract<Fault, { kind: 'status' }>): Reply {
  const wait: Record<string, string> = retryAfter === undefined ? {} : { 'Retry-After': String(retryAfter) }
  const text = message ?? `a fault of status ${status}`
  return errorReply(status, CODES[status] ?? 'UNKNOWN', text, { ...headers, ...wait })
}

function changed(
  headers: Readonly<Record<string, string>>,
  set: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const names = new Set(Object.keys(set).map((name) => name.toLowerCase()))
  const kept = Object.entries(headers).filter(([name]) => !names.has(name.toLowerCase()))
  const added = Object.entries(set).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
  return Object.fromEntries([...kept, ...added])
}

function flipped(body: ReplyBody): ReplyBody {
  const target = Math.floor(body.size / 2)
  async function* flip(start: number, end: number): AsyncGenerator<Buffer> {
    let at = start
    for await (const chunk of body.read(start, end) as AsyncIterable<Buffer>) {
      const copy = Buffer.from(chunk)
      if (target >= at && target < at + copy.length) copy[target - at] = (copy[target - at] ?? 0) ^ 1
      at += copy.length
      yield copy
    }
  }
  return { size: body.size, read: (start, end) => Readable.from(flip(start, end)) }
}

function resized(body: ReplyBody, by: number): ReplyBody {
  async function* resize(start: number, end: number): AsyncGenerator<Buffer> {
    if (start < body.size) yield* body.read(start, Math.min(end, body.size)) as AsyncIterable<Buffer>
    if (end > body.size) yield Buffer.alloc(end - Math.max(start, body.size))
  }
  return { size: Math.max(0, body.size + by), read: (start, end) => Readable.from(resize(start, end)) }
}

const SPACES = Buffer.alloc(64 * 1024, ' ')

function unannounced(reply: Reply, body: ReplyBody, extraBytes: number): Reply {
  async function* read(start: number, end: number): AsyncGenerator<Buffer> {
    yield* body.read(start, Math.min(end, body.size)) as AsyncIterable<Buffer>
    for (let left = end - body.size; left > 0; left -= SPACES.length) yield SPACES.subarray(0, left)
  }
  const longer = {
    size: body.size + extraBytes,
    read: (start: number, end: number) => Readable.from(read(start, end)),
  }
  return { ...reply, body: longer, isUnannounced: true }
}

/** Of unknown length, as servers have it that compress on the way. */
function compressed(reply: Reply, body: ReplyBody): Reply {
  async function* zipped(start: number, end: number): AsyncGenerator<Buffer> {
    yield gzipSync(await buffer(body.read(start, end)))
  }
  return {
    status: reply.status,
    headers: { ...reply.headers, 'Content-Encoding': 'gzip' },
    body: { size: body.size, read: (start, end) => Readable.from(zipped(start, end)) },
    isUnannounced: true,
  }
}

/** One answer on its way out. */
class Sending {
  readonly #res: ServerResponse
  readonly #record: HubRequest
  readonly #gone: AbortSignal
  readonly #active: ActiveFault | undefined
  #isBroken = false

  constructor(res: ServerResponse, record: HubRequest, gone: AbortSignal, active: ActiveFault | undefined) {
    this.#res = res
    this.#record = record
    this.#gone = gone
    this.#active = active
  }

  /** False when the fault broke the connection. */
  async send({ status, headers, body, isUnannounced }: Reply): Promise<boolean> {
    await this.#strikeAt(undefined)
    if (this.#isBroken) return false
    this.#record.status = status
    const hasNoLength = status === 304 || isUnannounced === true
    const length: Record<string, string> = hasNoLength ? {} : { 'Content-Length': String(body?.size ?? 0) }
    this.#res.writeHead(status, { ...headers, ...length })
    this.#res.flushHeaders()
    if (body && this.#record.method !== 'HEAD') await this.#sendBody(body)
    if (this.#isBroken) return false
    this.#res.end()
    if (!this.#res.writableFinished) await once(this.#res, 'finish', { signal: this.#gone })
    return true
  }

  async #sendBody(body: ReplyBody): Promise<void> {
    const fault = this.#active?.fault
    const cut =
      fault && 'afterBytes' in fault ? Math.min(fault.afterBytes ?? body.size, body.size) : body.size
    await this.#pump(body.read(0, cut))
    await this.#strikeAt(cut)
    if (!this.#isBroken && cut < body.size) await this.#pump(body.read(cut, body.size))
  }

  async #pump(bytes: Readable): Promise<void> {
    for await (const chunk of bytes as AsyncIterable<Buffer>)
      for (const piece of this.#pieces(chunk)) {
        this.#gone.throwIfAborted()
        const isTaken = this.#res.write(piece)
        this.#record.bytesSent += piece.length
        if (!isTaken) await once(this.#res, 'drain', { signal: this.#gone })
        if (this.#active?.fault.kind === 'slow')
          await pause(1000 / SLOW_STEPS_PER_SECOND, undefined, { signal: this.#gone })
      }
  }

  *#pieces(chunk: Buffer): Generator<Buffer> {
    const fault = this.#active?.fault
    const step =
      fault?.kind === 'slow' ? Math.ceil(fault.bytesPerSecond / SLOW_STEPS_PER_SECOND) : chunk.length
    for (let at = 0; at < chunk.length; at += step) yield chunk.subarray(at, at + step)
  }

  /** Hangs or breaks the connection if the fault's moment is now: before the headers, or behind so many bytes. */
  async #strikeAt(sent: number | undefined): Promise<void> {
    const fault = this.#active?.fault
    if (!fault || !('afterBytes' in fault || fault.kind === 'hang' || fault.kind === 'reset')) return
    const isNow = (fault.afterBytes === undefined) === (sent === undefined)
    if (!isNow) return
    if (fault.kind === 'hang') await this.#hang()
    else await this.#breakOff(fault.kind === 'reset')
  }

  async #hang(): Promise<void> {
    const gone = once(this.#gone, 'abort').then(() => this.#gone.throwIfAborted())
    await Promise.race([this.#active?.removed, this.#gone.aborted ? this.#gone.throwIfAborted() : gone])
  }

  async #breakOff(isReset: boolean): Promise<void> {
    this.#isBroken = true
    const { socket } = this.#res
    if (!socket) return
    // What was written has to leave first, or the client would see less than the fault says.
    await new Promise((resolve) => socket.write('', resolve))
    // A TLS socket cannot be reset; closing it without TLS's farewell is what its client calls a reset.
    if (isReset && !('encrypted' in socket)) socket.resetAndDestroy()
    else socket.destroy()
  }
}
