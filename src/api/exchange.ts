// One request on its way through the handlers.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { parseAccept, type AcceptSet } from '../oci/accept.ts'
import { formatWarning } from '../oci/warning.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Caller } from '../access/caller.ts'
import type { Identity } from '../access/identity.ts'
import type { ResolvedRoute } from '../core/routed.ts'
import type { RequestContext, UpstreamLogin } from '../core/registry.ts'
import type { ByteBudget } from './byte-budget.ts'
import type { Guard } from './guard.ts'
import type { RequestRecord } from './request-record.ts'
import type { RepositoryRoute } from './route.ts'

/** What every handler gets. */
export interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly query: URLSearchParams
  readonly record: RequestRecord
  /** Above `/v2/`, where the client reaches this gateway: `https://host[:port]`, and a {@link prefix} behind it. */
  readonly origin: string
  /** The namespace that stands before `/v2/` in the path. */
  readonly prefix: string | undefined
  readonly caller: Caller
  /** That of the host which was asked. */
  readonly guard: Guard
  readonly context: RequestContext
  /** For bodies that are read whole. */
  readonly bodies: ByteBudget
}

/** A request that concerns one repository: parsed, named and allowed. */
export interface RepositoryExchange<R extends RepositoryRoute = RepositoryRoute> extends Exchange {
  readonly route: R
  readonly repository: RepositoryName
  readonly target: ResolvedRoute
}

/** A context that costs next to nothing until it is used: a hit needs neither signal nor Accept. */
export class ClientContext implements RequestContext {
  readonly identity: Identity
  readonly upstreamLogin: UpstreamLogin | undefined
  readonly #req: IncomingMessage
  readonly #res: ServerResponse
  #accept: AcceptSet | undefined
  #aborted: AbortController | undefined

  constructor(req: IncomingMessage, res: ServerResponse, identity: Identity, upstreamLogin?: UpstreamLogin) {
    this.identity = identity
    this.upstreamLogin = upstreamLogin
    this.#req = req
    this.#res = res
  }

  get accept(): AcceptSet {
    // Node joins repeated Accept lines by commas.
    return (this.#accept ??= parseAccept(this.#req.headers.accept))
  }

  warn(text: string): void {
    this.#res.setHeader('Warning', formatWarning(text))
  }

  get signal(): AbortSignal {
    if (this.#aborted) return this.#aborted.signal
    const controller = (this.#aborted = new AbortController())
    const res = this.#res
    if (res.destroyed) controller.abort()
    else res.once('close', () => !res.writableFinished && controller.abort())
    return controller.signal
  }
}
