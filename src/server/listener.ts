// One listening socket: HTTP or HTTPS, with the limits that keep it alive, and a stop that drains.
import { createServer as createHttpServer, type RequestListener, type Server } from 'node:http'
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { TlsOptions } from 'node:tls'
import { RegistryError } from '../oci/error.ts'

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

export interface ListenerOptions {
  /** Undefined: every address of the machine. */
  readonly host: string | undefined
  /** 0: a free one. */
  readonly port: number
  /** Undefined: plain HTTP. */
  readonly tls: TlsMaterial | undefined
  readonly handler: RequestListener
  /** A connection that moves no byte for so long is closed. */
  readonly idleTimeoutMs: number
}

const MAX_HEADER_BYTES = 32 * 1024
const HEADERS_TIMEOUT_MS = 30_000
const KEEP_ALIVE_MS = 75_000

export class Listener {
  readonly #server: Server | HttpsServer
  readonly #options: ListenerOptions
  readonly #answering = new Set<Socket>()
  /** Those that end with the request they are at. */
  readonly #leaving = new WeakSet<Socket>()
  #clientCas: string
  /** All that are open; Node itself counts only those whose TLS handshake is done. */
  readonly #sockets = new Set<Socket>()

  constructor(options: ListenerOptions) {
    this.#options = options
    this.#clientCas = authoritiesOf(options.tls)
    const limits = {
      maxHeaderSize: MAX_HEADER_BYTES,
      headersTimeout: HEADERS_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      // Node's default cuts every push that takes longer than five minutes; idle connections are cut below.
      requestTimeout: 0,
    }
    this.#server = options.tls
      ? createHttpsServer({ ...limits, ...tlsOptions(options.tls) })
      : createHttpServer(limits)
    this.#server.setTimeout(options.idleTimeoutMs)
    const handler = guarded((req, res) => {
      this.#answering.add(req.socket)
      res.on('close', () => {
        this.#answering.delete(req.socket)
        if (this.#leaving.has(req.socket)) req.socket.destroySoon()
      })
      options.handler(req, res)
    })
    this.#server.on('request', handler)
    this.#server.on('checkContinue', handler)
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      // In the middle of an answer, another one would be taken for a part of it.
      if (this.#answering.has(socket)) socket.destroy()
      else answerClientError(error, socket)
    })
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
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
    this.#server.setSecureContext(tlsOptions(tls))
    if (authoritiesOf(tls) === this.#clientCas) return
    this.#clientCas = authoritiesOf(tls)
    for (const socket of this.#answering) this.#leaving.add(socket)
    this.#server.closeIdleConnections()
  }

  /** Stops accepting, lets running requests end for up to `graceMs`, then cuts what is left. */
  async close(graceMs: number): Promise<void> {
    const closed = Promise.withResolvers<void>()
    this.#server.close(() => closed.resolve())
    // A kept-alive connection that ends its request now would be held open for the next one.
    this.#server.on('request', (_req, res) => res.once('close', () => this.#server.closeIdleConnections()))
    const idle = setInterval(() => this.#server.closeIdleConnections(), 100)
    const cut = setTimeout(() => this.#cutAll(), graceMs)
    await closed.promise
    clearInterval(idle)
    clearTimeout(cut)
  }

  #cutAll(): void {
    for (const socket of this.#sockets) socket.destroy()
  }
}

function tlsOptions({ cert, key, clientCas }: TlsMaterial): TlsOptions {
  return {
    cert,
    key,
    minVersion: 'TLSv1.2',
    ...(clientCas && {
      ca: [...clientCas.certificates],
      requestCert: true,
      // Who has none, or one of somebody else, is not logged in; what that means is for the grants to say.
      rejectUnauthorized: clientCas.isRequired,
    }),
  }
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
