// Forwards blob reads and upload sessions to an external core on http-proxy: bodies stream through both ways.
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { createProxyServer } from 'http-proxy'
import type { ErrorCode } from '../../oci/error.ts'
import { parseRepositoryName } from '../../oci/repository-name.ts'
import { failureOf } from '../../upstream/answers.ts'
import { UpstreamUnavailableError, type UpstreamError } from '../../upstream/errors.ts'
import type { LoginAhead } from '../../upstream/login-ahead.ts'
import { joinedTls, SYSTEM_TRUST, type TlsSource } from '../../upstream/tls-files.ts'
import { toRegistryError } from '../upstream-failure.ts'
import { upstreamName, type NameRewrite } from '../upstream-name.ts'
import type { Forwarder, ForwardRoute } from '../forwarder.ts'
import { CoreConnections } from './core-connections.ts'
import { giveBack, noteReceived } from '../piece-garbage.ts'
import { forwardScope } from './forward-scope.ts'
import { answerHeaders, refusalHeaders, requestHeaders, rewriteLocation } from './forwarded-headers.ts'

export interface HttpForwarderOptions {
  /** The core; a path goes before `/v2/`. */
  readonly url: string | URL
  /** Where the core calls its repositories otherwise. */
  readonly rewrite?: NameRewrite | undefined
  /** The gateway's own login at the core; without it, none is sent. */
  readonly login?: LoginAhead | undefined
  /** Who signs the core's certificate, in place of the system's authorities. */
  readonly tls?: TlsSource | undefined
  /** Our own certificate for it. */
  readonly identity?: TlsSource | undefined
  /** Default 5 s. */
  readonly connectTimeoutMs?: number
  /** Without a byte in either direction; a core may think long over the end of a large push. Default 5 min. */
  readonly idleTimeoutMs?: number
}

type PublicView = Parameters<Forwarder['forward']>[3]
type AuthorizedView = PublicView & { readonly authorization: string | undefined }

const NOT_FOUND: Readonly<Record<ForwardRoute['kind'], ErrorCode>> = {
  blob: 'BLOB_UNKNOWN',
  'upload-start': 'NAME_UNKNOWN',
  upload: 'BLOB_UPLOAD_UNKNOWN',
}

/** What may wait for a client, which is less than the kernel keeps for it. To stop the core after each piece costs a sixth. */
const MOST_WAITING_BYTES = 256 * 1024
/** How long the body of a refusal may take. */
const REFUSAL_MS = 5_000

export class HttpForwarder implements Forwarder {
  readonly #core: URL
  readonly #apiPath: string
  readonly #connections: CoreConnections
  readonly #login: LoginAhead | undefined
  readonly #rewrite: NameRewrite | undefined
  readonly #connectTimeoutMs: number
  readonly #idleTimeoutMs: number

  constructor(options: HttpForwarderOptions) {
    this.#core = new URL(options.url)
    this.#apiPath = `${this.#core.pathname.replace(/\/$/, '')}/v2/`
    const tls = joinedTls(options.tls ?? SYSTEM_TRUST, options.identity)
    this.#connections = new CoreConnections(this.#core, tls)
    this.#login = options.login
    this.#rewrite = options.rewrite
    this.#connectTimeoutMs = options.connectTimeoutMs ?? 5_000
    this.#idleTimeoutMs = options.idleTimeoutMs ?? 300_000
  }

  async forward(
    req: IncomingMessage,
    res: ServerResponse,
    route: ForwardRoute,
    view: PublicView,
  ): Promise<void> {
    const target = forCore(route, this.#rewrite)
    const authorization = await this.#prepare(target)
    // A client that has gone meanwhile would not be noticed any more.
    if (!res.destroyed) await this.#send(req, res, target, { ...view, authorization })
  }

  close(): void {
    this.#connections.close()
  }

  async #prepare(route: ForwardRoute): Promise<string | undefined> {
    try {
      await this.#connections.refresh()
      return await this.#login?.header(forwardScope(route))
    } catch (error) {
      throw asFailure(error, route)
    }
  }

  #send(req: IncomingMessage, res: ServerResponse, route: ForwardRoute, view: AuthorizedView): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const fail = (error: unknown, headers?: Record<string, string>): void =>
      reject(asFailure(error, route, headers))
    let sent: ClientRequest | undefined
    const proxy = createProxyServer()
    proxy.once('proxyReq', (request) => {
      sent = request
      this.#watch(request, req, res)
    })
    proxy.once('proxyRes', (answer) => {
      if ((answer.statusCode ?? 0) < 400) return this.#pass(answer, res, route, view)
      if (answer.statusCode === 401)
        this.#login?.refused(forwardScope(route), answer.headers['www-authenticate'], view.authorization)
      void refusalOf(answer, req, this.#core).then((failure) => {
        // The rest of a refused body stays unsent; a request that was sent whole leaves a connection to use again.
        if (sent?.writableFinished !== true) sent?.destroy()
        fail(failure, refusalHeaders(answer.headers))
      })
    })
    const body = hasForwardedBody(req) ? {} : { buffer: Readable.from([]) }
    const original = req.headers
    // http-proxy copies these before it returns. An `Expect` among them would be sent without being waited for.
    req.headers = this.#requestHeaders(req, view)
    proxy
      .web(req, res, {
        ...this.#target(route),
        ...body,
        agent: this.#connections.agent,
        selfHandleResponse: true,
      })
      .then(resolve, (cause: unknown) => fail(asUnavailable(cause)))
    req.headers = original
    return promise
  }

  #target(route: ForwardRoute) {
    const { protocol, hostname, port } = this.#core
    const query = route.query === '' ? '' : `?${route.query}`
    // Given in parts, the path is sent as it stands: a URL object would encode the query anew.
    const target = {
      protocol,
      hostname: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
      pathname: `${this.#apiPath}${pathOf(route)}${query}`,
    }
    return { target, ignorePath: true, prependPath: true }
  }

  #requestHeaders(
    req: IncomingMessage,
    { publicOrigin, authorization }: AuthorizedView,
  ): Record<string, string> {
    const headers = requestHeaders(req.headers, publicOrigin, authorization)
    headers['host'] = this.#core.host
    // A body that is not forwarded must not be announced; one of unknown length is framed anew by Node.
    if (!hasForwardedBody(req)) {
      delete headers['content-length']
      if (req.method !== 'GET' && req.method !== 'HEAD') headers['content-length'] = '0'
    }
    return headers
  }

  /** Deadlines of the core's side; and the word that a client waits for before it sends its body. */
  #watch(request: ClientRequest, req: IncomingMessage, res: ServerResponse): void {
    const late = (): void =>
      void request.destroy(
        new UpstreamUnavailableError(`${this.#core.host} did not answer in time`, { timedOut: true }),
      )
    request.setTimeout(this.#idleTimeoutMs, late)
    const connected = (): void => {
      if (req.headers.expect !== undefined && hasForwardedBody(req) && !res.headersSent) res.writeContinue()
    }
    const { socket } = request
    if (!socket?.connecting) return connected()
    const timer = setTimeout(late, this.#connectTimeoutMs)
    socket.once('close', () => clearTimeout(timer))
    socket.once('connect', () => {
      clearTimeout(timer)
      connected()
    })
  }

  #pass(answer: IncomingMessage, res: ServerResponse, route: ForwardRoute, view: PublicView): void {
    const headers = answerHeaders(answer.headers)
    const { location } = answer.headers
    const status = answer.statusCode ?? 502
    if (location !== undefined)
      headers['location'] = rewriteLocation(location, status, {
        coreHost: this.#core.host,
        corePath: this.#apiPath,
        repository: route.repository,
        ...view,
      })
    res.writeHead(status, headers)
    // http-proxy resets the client when the core breaks off, and the core when the client does.
    answer.on('data', (piece: Buffer) => {
      noteReceived(piece.length)
      res.write(piece, () => giveBack(piece))
      if (res.writableLength > MOST_WAITING_BYTES) answer.pause()
    })
    answer.on('end', () => res.end())
    res.on('drain', () => answer.resume())
  }
}

function asFailure(error: unknown, route: ForwardRoute, headers: Record<string, string> = {}): unknown {
  return toRegistryError(error, { notFound: NOT_FOUND[route.kind], unauthorized: 'UNAVAILABLE', headers })
}

/** The route under the core's name of the repository. */
function forCore(route: ForwardRoute, rewrite: NameRewrite | undefined): ForwardRoute {
  if (rewrite === undefined) return route
  const repository = upstreamName(route.repository, rewrite)
  if (route.kind !== 'upload-start') return { ...route, repository }
  const query = new URLSearchParams(route.query)
  const from = parseRepositoryName(query.get('from') ?? '')
  if (from !== undefined) query.set('from', upstreamName(from, rewrite))
  return { ...route, repository, query: query.toString() }
}

function pathOf(route: ForwardRoute): string {
  if (route.kind === 'blob') return `${route.repository}/blobs/${route.digest}`
  return `${route.repository}/blobs/uploads/${route.kind === 'upload' ? route.id : ''}`
}

/**
 * Only these methods carry a body on: Node sends the body of a DELETE as it is, and whatever follows an unframed body on a
 * kept connection is a request of its own to the core.
 */
function hasForwardedBody({ method, headers }: IncomingMessage): boolean {
  const mayCarry = method === 'PATCH' || method === 'PUT' || method === 'POST'
  return mayCarry && (headers['transfer-encoding'] !== undefined || headers['content-length'] !== undefined)
}

/** What a core's refusal means; its body is read within bounds and not passed on. */
async function refusalOf(answer: IncomingMessage, req: IncomingMessage, core: URL): Promise<UpstreamError> {
  // http-proxy links the two sides as soon as the event is over. registry:2 announces a blob's whole length with its 416
  // and sends less: an answer that is not passed on must not reset the client.
  await Promise.resolve()
  answer.removeAllListeners('close').removeAllListeners('error')
  answer.on('error', () => undefined)
  req.unpipe()
  const timer = setTimeout(() => answer.destroy(), REFUSAL_MS)
  const header = (name: string): string | undefined => {
    const value = answer.headers[name]
    return Array.isArray(value) ? value.join(', ') : value
  }
  const discard = async (): Promise<void> => void answer.destroy()
  const failure = await failureOf({
    url: core,
    status: answer.statusCode ?? 502,
    header,
    body: answer,
    discard,
  })
  clearTimeout(timer)
  return failure
}

function asUnavailable(cause: unknown): unknown {
  if (cause instanceof UpstreamUnavailableError) return cause
  return new UpstreamUnavailableError('the core could not be reached or broke off', { cause })
}
