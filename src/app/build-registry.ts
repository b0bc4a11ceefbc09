// The routes of the configuration as registries: bundled ones, external cores, mirrors.
import type { StoreOperations } from '../admin/store-api.ts'
import type { Config, StoreConfig } from '../config/config.ts'
import type { MirrorRoute, ProxyRoute, RouteConfig } from '../config/route-config.ts'
import { agreed } from '../cache/agreed.ts'
import type { Peers } from '../cache/peers.ts'
import { SessionClaims } from '../core/bundled/session-claims.ts'
import { UploadPurge } from '../core/bundled/upload-purge.ts'
import { CachedRegistry } from '../core/cached.ts'
import { storeIdentity } from '../core/content/store-identity.ts'
import { OverlayRegistry } from '../core/overlay.ts'
import { ReferenceCache } from '../core/reference-cache.ts'
import type { Registry } from '../core/registry.ts'
import { RoutedRegistry, type RouteOptions } from '../core/routed.ts'
import { createStorageDriver } from '../storage/create-driver.ts'
import type { StorageDriver } from '../storage/driver.ts'
import type { ClientsByLogin } from '../upstream/clients-by-login.ts'
import type { Caches } from './build-caches.ts'
import type { MirrorBuilder } from './build-mirrors.ts'
import { checkStore } from './check-store.ts'
import { buildStore, type CachedCore } from './build-store.ts'
import type { Upstreams } from './build-upstreams.ts'
import { named } from './named.ts'

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
  #mirrors: Promise<MirrorBuilder> | undefined
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

  /** Who has no core behind this gateway loads nothing of what asks one. */
  async #external(route: ProxyRoute) {
    const { buildExternal } = await import('./build-external.ts')
    const { url, registry, forwarder } = await buildExternal(route, this.#upstreams, this.#stack)
    // Gateways that share a Redis share what they know of a core only when it is the same one.
    const { registry: cached } = this.#cached(registry, `proxy:${url.href} ${route.pattern}`, EXTERNAL_TTL_MS)
    return { registry: cached, forwarder }
  }

  async #mirror(route: MirrorRoute) {
    const mirrors = await (this.#mirrors ??= this.#loadMirrors())
    const mirror = await mirrors.build(route)
    if (route.overlay === undefined) return { registry: mirror }
    const store = await this.#bundledOf(this.#storeOf(route.overlay))
    return { registry: new OverlayRegistry({ store, mirror }) }
  }

  /** Who has no mirror loads nothing of what makes one. */
  async #loadMirrors(): Promise<MirrorBuilder> {
    const { MirrorBuilder } = await import('./build-mirrors.ts')
    const driverOf = (store: StoreConfig) => this.#driverOf(store)
    return new MirrorBuilder(
      this.#config,
      {
        caches: this.#caches,
        upstreams: this.#upstreams,
        peers: this.#peers,
        callers: this.callers,
        driverOf,
      },
      this.#stack,
    )
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
