// The Distribution API: every request is parsed once, named, guarded, and handed to its handler.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { RegistryError } from '../oci/error.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Caller } from '../access/caller.ts'
import type { Identity } from '../access/identity.ts'
import type { Naming } from '../access/naming.ts'
import type { RoutedRegistry } from '../core/routed.ts'
import { deleteBlob, getBlob, headBlob } from './blobs.ts'
import { ByteBudget } from './byte-budget.ts'
import { ClientContext, type Exchange, type RepositoryExchange } from './exchange.ts'
import { forwardBlob, forwardUpload } from './forwarding.ts'
import type { Guard, Wanted } from './guard.ts'
import { listReferrers, listRepositories, listTags } from './listings.ts'
import { deleteManifest, getManifest, putManifest } from './manifests.ts'
import { actionOf, requireMethod } from './methods.ts'
import type { RequestRecord } from './request-record.ts'
import { respondError, respondJson } from './respond.ts'
import { parseRoute, type RepositoryRoute, type Route } from './route.ts'
import { upstreamHostOf, upstreamLoginOf, type UpstreamHost, type UpstreamHosts } from './upstream-hosts.ts'
import { appendUpload, cancelUpload, finishUpload, startUpload, uploadStatus } from './uploads.ts'

export interface ApiOptions {
  readonly registry: RoutedRegistry
  readonly guard: Guard
  readonly naming: Naming
  /** Hosts with logins of their upstream. Default none. */
  readonly upstreamHosts?: UpstreamHosts
}

/** What server/ knows of a request before the API sees it. */
export interface Arrival {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly record: RequestRecord
  /** Above `/v2/`, where the client reaches this gateway: `https://host[:port]`, and a {@link prefix} behind it. */
  readonly origin: string
  /** The namespace that stands before `/v2/` in the path. */
  readonly prefix?: string | undefined
}

/** A request that is understood, and of which is asked who sent it. */
interface Asked {
  readonly arrival: Arrival
  readonly query: URLSearchParams
  readonly route: Route
  readonly wanted: Wanted | undefined
  readonly host: UpstreamHost | undefined
}

type ExchangeOf<Kind extends RepositoryRoute['kind']> = RepositoryExchange<
  Extract<RepositoryRoute, { kind: Kind }>
>

/** All manifests that are being received at one time. */
const MAX_BODY_BYTES = 128 * 1024 * 1024

const NO_QUERY = new URLSearchParams()

export class Api {
  readonly #registry: RoutedRegistry
  readonly #guard: Guard
  readonly #naming: Naming
  readonly #upstreamHosts: UpstreamHosts
  readonly #bodies = new ByteBudget(MAX_BODY_BYTES)

  constructor({ registry, guard, naming, upstreamHosts = new Map() }: ApiOptions) {
    this.#registry = registry
    this.#guard = guard
    this.#naming = naming
    this.#upstreamHosts = upstreamHosts
  }

  /** Answers a request whose path begins with `/v2/`, where memory can answer it: at once. A failure is an answer, too. */
  handle(arrival: Arrival): void {
    try {
      this.#dispatch(arrival)?.catch((failure: unknown) => fail(arrival, failure))
    } catch (failure) {
      fail(arrival, failure)
    }
  }

  #dispatch(arrival: Arrival): Promise<void> | undefined {
    const { req, record, origin, prefix } = arrival
    const [path, query] = splitUrl(req.url ?? '/')
    const route = parseRoute(prefix === undefined ? path : path.slice(prefix.length + 1))
    record.route = route.kind
    requireMethod(req, route)
    // Named before it is known who asks: a refusal has to say what the client needs a token for.
    const wanted = 'name' in route ? this.#wanted(req, query, route, record, prefix) : undefined
    const host = upstreamHostOf(this.#upstreamHosts, req)
    const asked: Asked = { arrival, query, route, wanted, host }
    const guard = host?.guard ?? this.#guard
    const identity = guard.identify(req, { origin, clientAddress: record.clientAddress, wanted })
    return identity instanceof Promise
      ? identity.then((found) => this.#serve(asked, found))
      : this.#serve(asked, identity)
  }

  #serve({ arrival, query, route, wanted, host }: Asked, identity: Identity): Promise<void> | undefined {
    const { req, res, record, origin, prefix } = arrival
    const guard = host?.guard ?? this.#guard
    record.identity = identity
    if (identity.name !== undefined) record.user = identity.name
    const login = upstreamLoginOf(host, req, identity, wanted?.repository)
    const context = new ClientContext(req, res, identity, login)
    const caller: Caller = { identity, address: record.clientAddress }
    const bodies = this.#bodies
    const exchange: Exchange = { req, res, query, record, origin, prefix, caller, guard, context, bodies }
    if (!('name' in route) || !wanted)
      return route.kind === 'base' ? this.#ping(exchange) : this.#catalog(exchange)
    const decision = guard.decide(caller, wanted, origin)
    if (decision instanceof RegistryError) return respondError(req, res, record, decision)
    record.clause = decision
    const answered = this.#repository(exchange, route, wanted.repository)
    return host && !login ? answered?.catch(askingFor(() => guard.askLogin(wanted, origin))) : answered
  }

  #wanted(
    req: IncomingMessage,
    query: URLSearchParams,
    route: RepositoryRoute,
    record: RequestRecord,
    prefix: string | undefined,
  ): Wanted {
    if ('reference' in route) record.reference = route.reference
    if ('digest' in route) record.reference = route.digest
    const ns = query.size === 0 ? [] : query.getAll('ns')
    const repository = this.#naming.canonical({ name: route.name, host: req.headers.host, ns, prefix })
    const action = actionOf(req, route)
    record.repository = repository
    record.action = action
    return { repository, action }
  }

  #ping({ req, res, record, origin, caller, guard }: Exchange): undefined {
    const refusal = guard.refusalOfPing(caller.identity, origin)
    if (refusal) respondError(req, res, record, refusal)
    else respondJson(req, res, 200, {})
  }

  #catalog(exchange: Exchange): Promise<void> | undefined {
    const { req, res, record, caller, origin, prefix, guard } = exchange
    // Of all namespaces: below one of them its names would mean other repositories.
    if (prefix !== undefined)
      throw new RegistryError('UNSUPPORTED', 'the catalog is at /v2/_catalog', { status: 404 })
    record.action = 'catalog'
    const decision = guard.decideCatalog(caller, origin)
    if (decision instanceof RegistryError) return respondError(req, res, record, decision)
    record.clause = decision
    return listRepositories(exchange, this.#registry)
  }

  #repository(
    exchange: Exchange,
    route: RepositoryRoute,
    repository: RepositoryName,
  ): Promise<void> | undefined {
    const { req, res, query, record, origin, prefix, caller, guard, context, bodies } = exchange
    const target = this.#registry.resolve(repository)
    if (!target) throw new RegistryError('NAME_UNKNOWN', 'no route serves this repository')
    // Tells clients that mirrors share an address which one answered (distribution-spec "Registry Proxying").
    const ns = query.size === 0 ? null : query.get('ns')
    if (ns !== null) res.setHeader('OCI-Namespace', ns)
    // Written out: of the fast lane's costs, copying an object by `...` was one that could be seen.
    return this.#handle({
      req,
      res,
      query,
      record,
      origin,
      prefix,
      caller,
      guard,
      context,
      bodies,
      route,
      repository,
      target,
    })
  }

  #handle(exchange: RepositoryExchange): Promise<void> | undefined {
    const { method } = exchange.req
    const { forwarder } = exchange.target
    if (isOf(exchange, 'manifest')) {
      if (method === 'PUT') return putManifest(exchange)
      return method === 'DELETE' ? deleteManifest(exchange) : getManifest(exchange)
    }
    if (isOf(exchange, 'blob')) {
      if (method === 'DELETE') return deleteBlob(exchange)
      if (forwarder) return forwardBlob(exchange, forwarder)
      return method === 'HEAD' ? headBlob(exchange) : getBlob(exchange)
    }
    if (isOf(exchange, 'tags')) return listTags(exchange)
    if (isOf(exchange, 'referrers')) return listReferrers(exchange)
    if (isOf(exchange, 'upload-start')) return this.#startUpload(exchange)
    if (!isOf(exchange, 'upload')) return undefined
    return forwarder ? forwardUpload(exchange, forwarder, undefined) : uploadHandler(method)(exchange)
  }

  #startUpload(exchange: ExchangeOf<'upload-start'>): Promise<void> {
    const { forwarder } = exchange.target
    const mountFrom = this.#mountSource(exchange)
    if (forwarder) return forwardUpload(exchange, forwarder, mountFrom)
    const mayPull = (candidate: RepositoryName) => this.#mayMountFrom(exchange, candidate)
    return startUpload(exchange, { from: mountFrom, mayPull })
  }

  /** The repository that `from` names, if a mount may take from it. */
  #mountSource(exchange: RepositoryExchange): RepositoryName | undefined {
    const { req, query, prefix } = exchange
    const from = query.get('from')
    if (from === null || !query.has('mount')) return undefined
    try {
      const source = this.#naming.canonical({ name: from, host: req.headers.host, prefix })
      return this.#mayMountFrom(exchange, source) ? source : undefined
    } catch {
      return undefined // clients send names of other registries' repositories here: they get a plain session
    }
  }

  /** One the caller may pull from, served by the same registry. */
  #mayMountFrom({ caller, target, guard }: RepositoryExchange, source: RepositoryName): boolean {
    if (!guard.mayPull(caller, source)) return false
    return this.#registry.resolve(source)?.registry === target.registry
  }
}

function fail({ req, res, record }: Arrival, failure: unknown): void {
  respondError(req, res, record, failure)
}

function isOf<Kind extends RepositoryRoute['kind']>(
  exchange: RepositoryExchange,
  kind: Kind,
): exchange is ExchangeOf<Kind> {
  return exchange.route.kind === kind
}

/** An upstream that denies something to nobody in particular may have it for somebody. */
function askingFor(login: () => RegistryError): (failure: unknown) => never {
  return (failure) => {
    throw failure instanceof RegistryError && failure.code === 'DENIED' ? login() : failure
  }
}

function uploadHandler(method: string | undefined): typeof uploadStatus {
  if (method === 'PATCH') return appendUpload
  if (method === 'PUT') return finishUpload
  return method === 'DELETE' ? cancelUpload : uploadStatus
}

function splitUrl(url: string): [path: string, query: URLSearchParams] {
  const mark = url.indexOf('?')
  return mark < 0 ? [url, NO_QUERY] : [url.slice(0, mark), new URLSearchParams(url.slice(mark + 1))]
}
