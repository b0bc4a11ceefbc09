// The first step of every request: a record, who and where from, then the fast lane or the web lane.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Naming } from '../access/naming.ts'
import type { Api } from '../api/api.ts'
import { RequestRecord } from '../api/request-record.ts'
import type { Handler } from './listener.ts'
import type { Observer } from './observer.ts'
import type { OriginResolver } from './origin.ts'

export interface FrontOptions {
  readonly api: Pick<Api, 'handle'>
  /** Everything outside `/v2/`: the token endpoint. Told its own origin and record. */
  readonly web: (req: IncomingMessage, res: ServerResponse, arrival: WebArrival) => void
  readonly origins: OriginResolver
  readonly observer: Observer
  /** A namespace may stand before `/v2/` and `/token`. */
  readonly naming: Pick<Naming, 'defaultNamespaceAt' | 'isNamespace'>
}

export interface WebArrival {
  readonly record: RequestRecord
  readonly origin: string
  /** The namespace that stood before the path. */
  readonly prefix?: string | undefined
}

/** The first `/v2` or `/token` that is a component of the path, and what stands before it. */
const PREFIXED = /^\/([^?]+?)(\/(?:v2|token)(?:[/?].*)?)$/

/** Of every request that comes to one server. */
export function createFront(options: FrontOptions, isTls: boolean): Handler {
  const { api, web, origins, observer, naming } = options
  return (req, res, afterwards) => {
    const { origin, clientAddress } = origins.of(req, isTls)
    const record = new RequestRecord(clientAddress)
    afterwards.ended = observer.observe(req, res, record)
    if (req.url?.startsWith('/v2/') === true)
      api.handle({ req, res, record, origin: rootOf(origin, req.headers.host, naming), prefix: undefined })
    else elsewhere(req, res, { record, origin })
  }

  function elsewhere(req: IncomingMessage, res: ServerResponse, { record, origin }: WebArrival): void {
    const { url = '/' } = req
    const [, prefix = '', below = url] = PREFIXED.exec(url) ?? []
    if (!naming.isNamespace(prefix)) {
      if (isBase(url)) return redirectToBase(res, url)
      return web(req, res, { record, origin })
    }
    const arrival = { record, origin: `${origin}/${prefix}`, prefix }
    if (below.startsWith('/v2/')) return api.handle({ req, res, ...arrival })
    if (isBase(below)) return redirectToBase(res, url)
    req.url = below
    web(req, res, arrival)
  }
}

/** Where clients are told another host than the one they asked, they have to name what that one stands for. */
function rootOf(origin: string, host: string | undefined, naming: FrontOptions['naming']): string {
  const namespace = naming.defaultNamespaceAt(host)
  if (namespace === undefined || origin.endsWith(`//${host}`)) return origin
  return namespace === naming.defaultNamespaceAt(new URL(origin).host) ? origin : `${origin}/${namespace}`
}

function isBase(url: string): boolean {
  return url === '/v2' || url.startsWith('/v2?')
}

/** As registry:2 and nginx do. */
function redirectToBase(res: ServerResponse, url: string): void {
  res.writeHead(301, {
    Location: url.replace(/^[^?]*/, '$&/'),
    'Content-Length': 0,
    'Docker-Distribution-Api-Version': 'registry/2.0',
  })
  res.end()
}
