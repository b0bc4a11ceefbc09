// The routes of the configuration as registries: bundled ones, external cores, mirrors.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Glob } from '../access/patterns.ts'
import type {
  Config,
  MirrorRoute,
  ProxyRoute,
  RouteConfig,
  StoreConfig,
  TagTtl,
  UpstreamConfig,
} from '../config/config.ts'
import { BundledRegistry } from '../core/bundled/bundled-registry.ts'
import { CachedRegistry } from '../core/cached.ts'
import { ContentStore } from '../core/content/content-store.ts'
import { ExternalRegistry } from '../core/external/external-registry.ts'
import { HttpForwarder } from '../core/external/http-forwarder.ts'
import { MirrorRegistry } from '../core/mirror/mirror-registry.ts'
import { ReferenceCache } from '../core/reference-cache.ts'
import type { Registry } from '../core/registry.ts'
import { RoutedRegistry, type RouteOptions } from '../core/routed.ts'
import { createStorageDriver } from '../storage/create-driver.ts'
import type { StorageDriver } from '../storage/driver.ts'
import { createUpstreamClient, type UpstreamClientOptions } from '../upstream/create-upstream-client.ts'
import type { Caches } from './build-caches.ts'

/** Others may write to an external core behind our back: what was learned of its tags is asked again after this. */
const EXTERNAL_TTL_MS = 10_000

export interface BuiltRegistry {
  readonly registry: RoutedRegistry
  /** Rejects when a store cannot be read. */
  readonly checkStores: () => Promise<void>
}

/** What is opened is closed with `stack`. */
export async function buildRegistry(
  config: Config,
  caches: Caches,
  stack: AsyncDisposableStack,
): Promise<BuiltRegistry> {
  const builder = new RouteBuilder(config, caches, stack)
  const routes: RouteOptions[] = []
  for (const route of config.repositories)
    routes.push({ pattern: route.pattern, ...(await builder.build(route)) })
  const registry = new RoutedRegistry(routes)
  stack.defer(() => registry.close())
  return { registry, checkStores: () => builder.checkStores() }
}

class RouteBuilder {
  readonly #config: Config
  readonly #caches: Caches
  readonly #stack: AsyncDisposableStack
  readonly #drivers = new Map<string, StorageDriver>()
  readonly #bundled = new Map<string, Registry>()

  constructor(config: Config, caches: Caches, stack: AsyncDisposableStack) {
    this.#config = config
    this.#caches = caches
    this.#stack = stack
  }

  async build(route: RouteConfig): Promise<Pick<RouteOptions, 'registry' | 'forwarder'>> {
    if (route.kind === 'store') return { registry: this.#bundledOf(this.#storeOf(route.store)) }
    const upstream = named(this.#config.upstreams, route.upstream)
    const options = await clientOptions(upstream)
    return route.kind === 'mirror' ? this.#mirror(route, options) : this.#external(route, options)
  }

  async checkStores(): Promise<void> {
    for (const driver of this.#drivers.values()) for await (const _ of driver.list('docker')) break
  }

  /** Several routes may lead to one store: it has one registry, with one knowledge of its tags. */
  #bundledOf(store: StoreConfig): Registry {
    const known = this.#bundled.get(store.name)
    if (known) return known
    const bundled = new BundledRegistry({ driver: this.#driverOf(store), delete: store.allowsDelete })
    const registry = this.#cached(bundled, `store:${store.name}`)
    this.#bundled.set(store.name, registry)
    return registry
  }

  #external({ pattern, rewrite }: ProxyRoute, options: UpstreamClientOptions) {
    const external = new ExternalRegistry({ client: createUpstreamClient(options), rewrite })
    const forwarder = new HttpForwarder({ ...options, rewrite })
    this.#stack.defer(() => forwarder.close())
    return { registry: this.#cached(external, `proxy:${pattern}`, EXTERNAL_TTL_MS), forwarder }
  }

  #mirror({ store, tagTtl, rewrite }: MirrorRoute, options: UpstreamClientOptions) {
    const config = this.#storeOf(store)
    const registry = new MirrorRegistry({
      client: createUpstreamClient(options),
      content: new ContentStore(this.#driverOf(config)),
      manifests: this.#caches.manifests,
      rewrite,
      tagTtlMs: compileTagTtl(tagTtl),
      spoolFolder: join(config.filesystem.root, 'spool'),
    })
    return { registry }
  }

  #cached(inner: Registry, route: string, ttlMs?: number): CachedRegistry {
    const { manifests, bus, shared, referenceBytes } = this.#caches
    const maxBytes = referenceBytes / this.#config.repositories.length
    const references = new ReferenceCache({ route, maxBytes, ttlMs, bus, shared })
    return new CachedRegistry(inner, { manifests, references })
  }

  #storeOf(name: string): StoreConfig {
    return named(this.#config.stores, name)
  }

  #driverOf(store: StoreConfig): StorageDriver {
    const known = this.#drivers.get(store.name)
    if (known) return known
    const driver = createStorageDriver(store)
    this.#drivers.set(store.name, driver)
    // After the registries that use it: what was opened first is closed last.
    this.#stack.defer(() => driver.close())
    return driver
  }
}

async function clientOptions(upstream: UpstreamConfig): Promise<UpstreamClientOptions> {
  const { url, credentials, caFile, allowedRealms } = upstream
  return {
    url,
    allowedRealms,
    ...(credentials ? { credentials } : {}),
    ...(caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') }),
  }
}

function compileTagTtl({ rules, defaultMs }: TagTtl): (tag: string) => number {
  const compiled = rules.map(({ tags, ttlMs }) => ({ glob: new Glob(tags), ttlMs }))
  return (tag) => compiled.find(({ glob }) => glob.matches(tag))?.ttlMs ?? defaultMs
}

/** The configuration was checked: every name it uses is defined. */
function named<T>(items: ReadonlyMap<string, T>, name: string): T {
  const item = items.get(name)
  if (item === undefined) throw new Error(`the configuration names ${name}, which it does not define`)
  return item
}
