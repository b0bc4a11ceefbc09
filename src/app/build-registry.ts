// The routes of the configuration as registries: bundled ones, external cores, mirrors.
import type { StoreOperations } from '../admin/store-api.ts'
import type { Config, StoreConfig } from '../config/config.ts'
import type { MirrorRoute, ProxyRoute, RouteConfig } from '../config/route-config.ts'
import { agreed } from '../cache/agreed.ts'
import type { Peers } from '../cache/peers.ts'
import { SessionClaims } from '../core/bundled/session-claims.ts'
import { UploadPurge } from '../core/bundled/upload-purge.ts'
import { PeerLocks } from '../cache/peer-locks.ts'
import { CachedRegistry } from '../core/cached.ts'
import { storeIdentity } from '../core/content/store-identity.ts'
import { ExternalRegistry } from '../core/external/external-registry.ts'
import { HttpForwarder } from '../core/external/http-forwarder.ts'
import { MirrorRegistry } from '../core/mirror/mirror-registry.ts'
import { OverlayRegistry } from '../core/overlay.ts'
import { TagNews } from '../core/mirror/tag-news.ts'
import { ReferenceCache } from '../core/reference-cache.ts'
import type { Registry } from '../core/registry.ts'
import { RoutedRegistry, type RouteOptions } from '../core/routed.ts'
import { createStorageDriver } from '../storage/create-driver.ts'
import type { StorageDriver } from '../storage/driver.ts'
import type { UpstreamClient } from '../upstream/client.ts'
import { ClientsByLogin } from '../upstream/clients-by-login.ts'
import type { UpstreamClientOptions } from '../upstream/create-upstream-client.ts'
import type { Caches } from './build-caches.ts'
import { checkStore } from './check-store.ts'
import { buildStore, type CachedCore } from './build-store.ts'
import type { Upstreams } from './build-upstreams.ts'
import { withVisibility } from './build-visibility.ts'
import { freshnessOf } from './freshness.ts'
import { openMirrorStore, type MirrorStore } from './open-mirror-store.ts'

/** Others may write to an external core behind our back: what was learned of its tags is asked again after this. */
const EXTERNAL_TTL_MS = 10_000

export interface BuiltRegistry {
  readonly registry: RoutedRegistry
  /** Rejects when a store cannot be read. */
  readonly checkStores: () => Promise<void>
  /** What can be done to the stores that keep pushes, by name. */
  readonly operations: ReadonlyMap<string, StoreOperations>
  /** Who asks upstreams in the name of callers, by the upstream's name. */
  readonly callers: ReadonlyMap<string, ClientsByLogin>
}

export interface BuildRegistryOptions {
  readonly caches: Caches
  readonly upstreams: Upstreams
  readonly peers: Peers
}

/** What is opened is closed with `stack`. */
export async function buildRegistry(
  config: Config,
  options: BuildRegistryOptions,
  stack: AsyncDisposableStack,
): Promise<BuiltRegistry> {
  const builder = new RouteBuilder(config, options, stack)
  const routes: RouteOptions[] = []
  for (const route of config.repositories)
    routes.push({ pattern: route.pattern, ...(await builder.build(route)) })
  const registry = new RoutedRegistry(routes)
  stack.defer(() => registry.close())
  const { operations, callers } = builder
  return { registry, checkStores: () => builder.checkStores(), operations, callers }
}

class RouteBuilder {
  readonly #config: Config
  readonly #caches: Caches
  readonly #upstreams: Upstreams
  readonly #peers: Peers
  readonly #stack: AsyncDisposableStack
  readonly #drivers = new Map<string, StorageDriver>()
  readonly #bundled = new Map<string, Registry>()
  readonly #mirrorStores = new Map<string, MirrorStore>()
  readonly operations = new Map<string, StoreOperations>()
  readonly callers = new Map<string, ClientsByLogin>()

  constructor(
    config: Config,
    { caches, upstreams, peers }: BuildRegistryOptions,
    stack: AsyncDisposableStack,
  ) {
    this.#config = config
    this.#caches = caches
    this.#upstreams = upstreams
    this.#peers = peers
    this.#stack = stack
  }

  async build(route: RouteConfig): Promise<Pick<RouteOptions, 'registry' | 'forwarder'>> {
    if (route.kind === 'store') return { registry: await this.#bundledOf(this.#storeOf(route.store)) }
    return route.kind === 'mirror' ? this.#mirror(route) : this.#external(route)
  }

  async checkStores(): Promise<void> {
    for (const [name, driver] of this.#drivers)
      await checkStore({ name, driver, isReadOnly: this.#storeOf(name).isReadOnly })
  }

  /** Several routes may lead to one store: it has one registry, with one knowledge of its tags. */
  async #bundledOf(store: StoreConfig): Promise<Registry> {
    const known = this.#bundled.get(store.name)
    if (known) return known
    const driver = await this.#driverOf(store)
    // Of a disk that takes no writes each process would make up a name of its own.
    const identity = await agreed(this.#peers, `identity of ${store.name}`, () => storeIdentity(driver))
    const route = `store:${identity}`
    // What another registry writes to the folder is to be seen at once.
    const cached = store.isShared ? {} : { cached: (inner: Registry) => this.#cached(inner, route) }
    const { registry, operations } = await buildStore(
      store,
      { driver, ...cached, isServing: true, peers: this.#peers },
      this.#stack,
    )
    this.#purgeUploads(store, driver)
    this.#bundled.set(store.name, registry)
    if (this.#peers.isPrimary) this.operations.set(store.name, operations)
    return registry
  }

  #purgeUploads({ uploadsPurgeAfterMs, isReadOnly }: StoreConfig, driver: StorageDriver): void {
    if (!this.#peers.isPrimary || uploadsPurgeAfterMs === undefined || isReadOnly) return
    const claims = new SessionClaims(driver)
    const purge = new UploadPurge({ driver, claims, olderThanMs: uploadsPurgeAfterMs })
    this.#stack.defer(() => purge.close())
  }

  async #external({ pattern, rewrite, upstream }: ProxyRoute) {
    const { client, login } = await this.#upstreams.access(upstream)
    const options = await this.#upstreams.options(upstream)
    const external = new ExternalRegistry({ client, rewrite })
    const forwarder = new HttpForwarder({ ...options, login, rewrite })
    this.#stack.defer(() => forwarder.close())
    // Gateways that share a Redis share what they know of a core only when it is the same one.
    const route = `proxy:${new URL(options.url).href} ${pattern}`
    return { ...this.#cached(external, route, EXTERNAL_TTL_MS), forwarder }
  }

  async #mirror(route: MirrorRoute) {
    const { upstream, rewrite } = route
    const { content, upkeep, spoolFolder } = await this.#mirrorStoreOf(this.#storeOf(route.store))
    const { client } = await this.#upstreams.access(upstream)
    const options = await this.#upstreams.options(upstream)
    const locks = new PeerLocks(this.#peers, `mirror of ${route.pattern}`)
    const news = new TagNews(this.#peers, `tags of ${route.pattern}`)
    const build = (asked: UpstreamClient) =>
      new MirrorRegistry({
        client: asked,
        content,
        manifests: this.#caches.manifests,
        rewrite,
        ...freshnessOf(route),
        locks,
        news,
        watch: upkeep,
        spoolFolder,
      })
    const { visibility } = named(this.#config.upstreams, upstream)
    const callers = () => this.#callersOf(upstream, options)
    const mirror = withVisibility({ visibility, client, options, content, rewrite, callers }, build)
    if (route.overlay === undefined) return { registry: mirror }
    const store = await this.#bundledOf(this.#storeOf(route.overlay))
    return { registry: new OverlayRegistry({ store, mirror }) }
  }

  /** Several routes may lead to one upstream: a login has one client there. */
  #callersOf(upstream: string, options: UpstreamClientOptions): ClientsByLogin {
    const known = this.callers.get(upstream)
    if (known) return known
    const clients = new ClientsByLogin(options)
    this.callers.set(upstream, clients)
    this.#stack.defer(() => clients.close())
    return clients
  }

  /** Several mirrors may keep what they fetch on one store. */
  async #mirrorStoreOf(store: StoreConfig): Promise<MirrorStore> {
    const known = this.#mirrorStores.get(store.name)
    if (known) return known
    const opened = await openMirrorStore(store, await this.#driverOf(store), this.#peers)
    this.#stack.defer(() => opened.upkeep.close())
    this.#mirrorStores.set(store.name, opened)
    return opened
  }

  #cached(inner: Registry, route: string, ttlMs?: number): CachedCore {
    const { manifests, bus, shared, referenceBytes } = this.#caches
    const maxBytes = referenceBytes / this.#config.repositories.length
    const references = new ReferenceCache({ route, maxBytes, ttlMs, bus, shared })
    return {
      registry: new CachedRegistry(inner, { manifests, references }),
      forget: (repository, reference) => references.invalidate(repository, reference),
    }
  }

  #storeOf(name: string): StoreConfig {
    return named(this.#config.stores, name)
  }

  /** Rejects when the store cannot be used. */
  async #driverOf(store: StoreConfig): Promise<StorageDriver> {
    const known = this.#drivers.get(store.name)
    if (known) return known
    const driver = createStorageDriver(store)
    this.#drivers.set(store.name, driver)
    // After the registries that use it: what was opened first is closed last.
    this.#stack.defer(() => driver.close())
    await checkStore({ name: store.name, driver, isReadOnly: store.isReadOnly })
    return driver
  }
}

/** The configuration was checked: every name it uses is defined. */
function named<T>(items: ReadonlyMap<string, T>, name: string): T {
  const item = items.get(name)
  if (item === undefined) throw new Error(`the configuration names ${name}, which it does not define`)
  return item
}
