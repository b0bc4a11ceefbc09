// One listening socket: HTTP or HTTPS, with the limits that keep it alive, and a stop that drains.
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import { Server as NetServer, type AddressInfo, type Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { RegistryError } from '../oci/error.ts'
import { CIPHERS } from './ciphers.ts'
import { Roster } from './roster.ts'
import { ticketKeysOf } from './ticket-keys.ts'

// Not imported: that would read every export of these modules, and one of them is a whole HTTP client, a twentieth of a start.
const { createServer: createHttpServer } = process.getBuiltinModule('node:http')
const { createServer: createHttpsServer } = process.getBuiltinModule('node:https')

export interface TlsMaterial {
  /** PEM, leaf first. */
  readonly cert: string | Buffer
  readonly key: string | Buffer
  /** Whom clients may show certificates of; undefined: none are asked for. */
  readonly clientCas?: ClientCas | undefined
}

export interface ClientCas {
  /** The authorities' certificates, as PEM. */
  readonly certificates: readonly string[]
  /** Whether who has no such certificate is turned away in the handshake. */
  readonly isRequired: boolean
}

/** Answers a request. */
export type Handler = (req: IncomingMessage, res: ServerResponse, afterwards: Afterwards) => void

export interface Afterwards {
  /** Called when the answer has ended or was cut off. */
  ended: (() => void) | undefined
}

export interface ListenerOptions {
  /** Undefined: every address of the machine. */
  readonly host: string | undefined
  /** 0: a free one. */
  readonly port: number
  /** Undefined: plain HTTP. */
  readonly tls: TlsMaterial | undefined
  readonly handler: Handler
  /** A connection that moves no byte for so long is closed. */
  readonly idleTimeoutMs: number
  /** What the keys of session tickets are made of; by default nobody else knows it. */
  readonly ticketSecret?: Uint8Array | undefined
}

const MAX_HEADER_BYTES = 32 * 1024
const HEADERS_TIMEOUT_MS = 30_000
const KEEP_ALIVE_MS = 75_000
const CLOSE_IDLE_MS = 100

export class Listener {
  readonly #server: Server | HttpsServer
  readonly #options: ListenerOptions
  readonly #answering = new Roster<ServerResponse>()
  /** Those that end with the request they are at. */
  readonly #leaving = new WeakSet<Socket>()
  #ticketSecret: Uint8Array
  #tls: TlsMaterial | undefined
  /** All that are open; Node itself counts only those whose TLS handshake is done. */
  readonly #sockets = new Roster<Socket>()

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#tls = options.tls
    this.#ticketSecret = options.ticketSecret ?? randomBytes(32)
    const limits = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Node's default cuts every push that takes longer than five minutes; idle connections are cut below.
      requestTimeout: 0,
    }
    this.#server = options.tls
      ? createHttpsServer({ ...limits, ...this.#tlsOptions(options.tls) })
      : createHttpServer(limits)
    this.#server.setTimeout(options.idleTimeoutMs)
    const handler = guarded((req, res) => {
      const place = this.#answering.enter(res)
      const afterwards: Afterwards = { ended: undefined }
      // The only listener of its kind: a second one would be a twentieth of what a hit costs.
      res.on('close', () => {
        this.#answering.leave(place)
        afterwards.ended?.()
        if (this.#leaving.has(req.socket)) req.socket.destroySoon()
      })
      options.handler(req, res, afterwards)
    })
    this.#server.on('request', handler)
    this.#server.on('checkContinue', handler)
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      // In the middle of an answer, another one would be taken for a part of it.
      if (this.#answering.some(({ req }) => req.socket === socket)) socket.destroy()
      else answerClientError(error, socket)
    })
    this.#server.on('connection', (socket: Socket) => {
      const place = this.#sockets.enter(socket)
      socket.once('close', () => this.#sockets.leave(place))
    })
  }

  /** Resolves with the port when connections are accepted. Rejects when the address is taken or not allowed. */
  async listen(): Promise<number> {
    const { host, port } = this.#options
    const listening = Promise.withResolvers<void>()
    this.#server.once('error', listening.reject)
    this.#server.listen({ port, ...(host === undefined ? {} : { host }) }, listening.resolve)
    await listening.promise
    this.#server.off('error', listening.reject)
    return (this.#server.address() as AddressInfo).port
  }

  /**
   * New connections get the new certificate; those that stand keep theirs. But where other authorities sign the clients'
   * certificates now, those that stand end, each after the request it is at: who they are was told by the former ones.
   */
  replaceTls(tls: TlsMaterial): void {
    if (!('setSecureContext' in this.#server)) return
    const isSame = authoritiesOf(tls) === authoritiesOf(this.#tls)
    this.#tls = tls
    this.#server.setSecureContext(this.#tlsOptions(tls))
    if (isSame) return
    for (const { req } of this.#answering) this.#leaving.add(req.socket)
    this.#server.closeIdleConnections()
  }

  /** Sessions that were begun before can not be resumed any more: OpenSSL knows one key at a time here. */
  replaceTicketSecret(secret: Uint8Array): void {
    this.#ticketSecret = secret
    if (this.#tls && 'setTicketKeys' in this.#server) this.#server.setTicketKeys(this.#ticketKeys(this.#tls))
  }

  /**
   * Stops accepting, lets running requests end for up to `graceMs`, then cuts what is left. A kept connection ends with its
   * next answer; one that stays idle is closed after `quietMs`.
   */
  async close(graceMs: number, { quietMs = 0 }: { readonly quietMs?: number } = {}): Promise<void> {
    const closed = Promise.withResolvers<void>()
    this.#server.prependListener('request', endsConnection)
    this.#server.prependListener('checkContinue', endsConnection)
    for (const res of this.#answering) endsConnection(undefined, res)
    // Not HTTP's own: that closes idle connections at once, also those that a request is on its way on.
    NetServer.prototype.close.call(this.#server, () => closed.resolve())
    const closeIdle = () => this.#server.closeIdleConnections()
    if (quietMs === 0) closeIdle()
    const quietUntil = performance.now() + quietMs
    const idle = setInterval(() => performance.now() >= quietUntil && closeIdle(), CLOSE_IDLE_MS)
    const cut = setTimeout(() => this.#cutAll(), graceMs)
    await closed.promise
    clearInterval(idle)
    clearTimeout(cut)
  }

  #cutAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #tlsOptions(tls: TlsMaterial): TlsOptions {
    const { cert, key, clientCas } = tls
    return {
      cert,
      key,
      minVersion: 'TLSv1.2',
      ciphers: CIPHERS,
      ticketKeys: this.#ticketKeys(tls),
      ...(clientCas && {
        ca: [...clientCas.certificates],
        requestCert: true,
        // Who has none, or one of somebody else, is not logged in; what that means is for the grants to say.
        rejectUnauthorized: clientCas.isRequired,
      }),
    }
  }

  #ticketKeys({ clientCas }: TlsMaterial): Buffer {
    const { host = '', port } = this.#options
    return ticketKeysOf(this.#ticketSecret, `${host}:${port}`, clientCas)
  }
}

/** The client is told that this is the last answer on its connection. */
function endsConnection(_req: unknown, res: ServerResponse): void {
  if (!res.headersSent) res.shouldKeepAlive = false
}

function authoritiesOf(tls: TlsMaterial | undefined): string {
  return JSON.stringify(tls?.clientCas?.certificates ?? [])
}

/** A bug in a handler costs its request, not the process and every transfer in it. */
function guarded(handler: RequestListener): RequestListener {
  return (req, res) => {
    try {
      handler(req, res)
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error))
      if (res.headersSent) res.destroy()
      else res.writeHead(500, { 'Content-Length': 0, Connection: 'close' }).end()
    }
  }
}

/** Requests that Node's parser refuses get an answer in the API's form too. */
function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy()
  const tooLarge = error.code === 'HPE_HEADER_OVERFLOW'
  const timeout = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const status = tooLarge
    ? '431 Request Header Fields Too Large'
    : timeout
      ? '408 Request Timeout'
      : '400 Bad Request'
  const message = tooLarge
    ? `the request's headers are larger than ${MAX_HEADER_BYTES} bytes`
    : timeout
      ? 'the request did not arrive in time'
      : 'the request is not valid HTTP'
  const body = JSON.stringify(new RegistryError('UNSUPPORTED', message))
  socket.end(
    `HTTP/1.1 ${status}\r\nDocker-Distribution-Api-Version: registry/2.0\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  )
}
