// The first step of every request: a record, who and where from, then the fast lane or the web lane.
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Api } from '../api/api.ts'
import type { RequestRecord } from '../api/request-record.ts'
import type { Observer } from './observer.ts'
import type { OriginResolver } from './origin.ts'

export interface FrontOptions {
  readonly api: Api
  /** Everything outside `/v2/`: the token endpoint. Told its own origin and record. */
  readonly web: (req: IncomingMessage, res: ServerResponse, arrival: WebArrival) => void
  readonly origins: OriginResolver
  readonly observer: Observer
}

export interface WebArrival {
  readonly record: RequestRecord
  readonly origin: string
}

/** The listener of `request` and `checkContinue` events of one server. */
export function createFront({ api, web, origins, observer }: FrontOptions, isTls: boolean): RequestListener {
  return (req, res) => {
    const { origin, clientAddress } = origins.of(req, isTls)
    const record: RequestRecord = { clientAddress, route: 'other' }
    observer.observe(req, res, record)
    const url = req.url ?? '/'
    if (url.startsWith('/v2/')) return void api.handle({ req, res, record, origin })
    if (url === '/v2' || url.startsWith('/v2?')) return redirectToBase(res, url)
    web(req, res, { record, origin })
  }
}

/** As registry:2 and nginx do. */
function redirectToBase(res: ServerResponse, url: string): void {
  res.writeHead(301, {
    Location: `/v2/${url.slice('/v2'.length)}`,
    'Content-Length': 0,
    'Docker-Distribution-Api-Version': 'registry/2.0',
  })
  res.end()
}
