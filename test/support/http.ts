// Requests with full control: any header, any body stream, a CA of one's own, and raw bytes on a socket.
import { once } from 'node:events'
import { request as httpRequest, type Agent, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { connect as connectPlain, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { connect as connectTls } from 'node:tls'
import { atEnd, type Scope } from './scope.ts'
import { until } from './until.ts'

export interface RequestOptions {
  /** GET. */
  readonly method?: string
  /** A list of values is sent as several header lines. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** Bytes go with a Content-Length, a stream goes chunked unless a Content-Length header is given. */
  readonly body?: string | Uint8Array | Readable
  /** Sent as Basic. */
  readonly account?: { username: string; password: string }
  /** Sent as Bearer. */
  readonly token?: string
  /** PEM certificate to trust instead of the system's. */
  readonly ca?: string
  readonly agent?: Agent
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  text(): string
  /** The body as JSON; the caller states its shape. */
  json<T = unknown>(): T
}

/** Sends a request and reads the whole answer. Redirects are not followed. Rejects when the body ends too early. */
export async function send(url: string | URL, options: RequestOptions = {}): Promise<Answer> {
  const response = await open(url, options)
  const body = await buffer(response)
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body,
    text: () => body.toString(),
    json: <T>() => JSON.parse(body.toString()) as T,
  }
}

/** Sends a request and resolves with the answer once its headers are there; the body is the caller's to read or destroy. */
export async function open(url: string | URL, options: RequestOptions = {}): Promise<IncomingMessage> {
  const { method = 'GET', body, ca, agent, signal } = options
  const start = new URL(url).protocol === 'https:' ? httpsRequest : httpRequest
  const request = start(url, {
    method,
    headers: headersOf(options),
    ...(ca === undefined ? {} : { ca }),
    agent: agent ?? false, // a connection of its own: nothing of an earlier request
    ...(signal === undefined ? {} : { signal }),
  })
  const answered = once(request, 'response') as Promise<[IncomingMessage]>
  request.on('error', () => undefined) // before the answer `once` rejects, after it the body does
  if (body instanceof Readable) {
    // A server may answer before it has read the whole body, and close: the answer is what counts.
    pipeline(body, request).catch(() => undefined)
  } else request.end(body)
  const [response] = await answered
  return response
}

/** One kept connection to an https server: of several workers the same one answers all that is sent with it. */
export function oneConnection(t: Scope): Agent {
  const agent = new HttpsAgent({ keepAlive: true, maxSockets: 1 })
  atEnd(t, () => agent.destroy())
  return agent
}

function headersOf({
  headers = {},
  account,
  token,
  body,
}: RequestOptions): Record<string, string | string[]> {
  const all: Record<string, string | string[]> = {}
  if (typeof body === 'string' || body instanceof Uint8Array)
    all['Content-Length'] = String(Buffer.byteLength(body))
  if (account) all['Authorization'] = basic(account.username, account.password)
  if (token !== undefined) all['Authorization'] = `Bearer ${token}`
  for (const [name, value] of Object.entries(headers))
    all[name] = typeof value === 'string' ? value : [...value]
  return all
}

/** The value of an `Authorization` header (RFC 7617). */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}

export interface RawConnection {
  readonly socket: Socket
  write(bytes: string | Uint8Array): void
  /** Everything received up to now, byte for byte as latin1. */
  received(): string
  /** Resolves with what was received once it matches; rejects after `timeoutMs` (10 s). */
  receive(pattern: RegExp, timeoutMs?: number): Promise<string>
  /** Resolves when the other side has closed. */
  readonly closed: Promise<void>
  close(): void
}

/** Opens a socket to `url`'s host for bytes that no HTTP library would send. TLS when it is https. */
export async function connectRaw(url: string | URL, { ca }: { ca?: string } = {}): Promise<RawConnection> {
  const { protocol, hostname, port } = new URL(url)
  const isTls = protocol === 'https:'
  const target = { host: hostname, port: Number(port || (isTls ? 443 : 80)) }
  const socket = isTls ? connectTls({ ...target, ...(ca === undefined ? {} : { ca }) }) : connectPlain(target)
  await once(socket, isTls ? 'secureConnect' : 'connect')
  let text = ''
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk))
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => undefined) // a reset ends in `closed`
  return {
    socket,
    write: (bytes) => void socket.write(bytes),
    received: () => text,
    receive: (pattern, timeoutMs) =>
      until(`an answer like ${pattern}`, () => (pattern.test(text) ? text : undefined), timeoutMs),
    closed,
    close: () => socket.destroy(),
  }
}
