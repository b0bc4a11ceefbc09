// The mirrors among the routes, and what they share: stores that keep what is fetched, clients in the name of callers.
import type { Peers } from '../cache/peers.ts'
import { PeerLocks } from '../cache/peer-locks.ts'
import type { Config, StoreConfig } from '../config/config.ts'
import type { MirrorRoute } from '../config/route-config.ts'
import { MirrorRegistry } from '../core/mirror/mirror-registry.ts'
import { TagNews } from '../core/mirror/tag-news.ts'
import type { Registry } from '../core/registry.ts'
import type { StorageDriver } from '../storage/driver.ts'
import type { UpstreamClient } from '../upstream/client.ts'
import { ClientsByLogin } from '../upstream/clients-by-login.ts'
import type { UpstreamClientOptions } from '../upstream/create-upstream-client.ts'
import type { Caches } from './build-caches.ts'
import type { Upstreams } from './build-upstreams.ts'
import { withVisibility } from './build-visibility.ts'
import { freshnessOf } from './freshness.ts'
import { named } from './named.ts'
import { openMirrorStore, type MirrorStore } from './open-mirror-store.ts'

export interface BuildMirrorsOptions {
  readonly caches: Caches
  readonly upstreams: Upstreams
  readonly peers: Peers
  /** Who asks upstreams in the name of callers, by the upstream's name: filled here. */
  readonly callers: Map<string, ClientsByLogin>
  /** Several mirrors may keep what they fetch on one store. */
  readonly driverOf: (store: StoreConfig) => Promise<StorageDriver>
}

export class MirrorBuilder {
  readonly #config: Config
  readonly #options: BuildMirrorsOptions
  readonly #stack: AsyncDisposableStack
  readonly #stores = new Map<string, MirrorStore>()

  /** What is opened is closed with `stack`. */
  constructor(config: Config, options: BuildMirrorsOptions, stack: AsyncDisposableStack) {
    this.#config = config
    this.#options = options
    this.#stack = stack
  }

  async build(route: MirrorRoute): Promise<Registry> {
    const { pattern, upstream, rewrite } = route
    const { caches, upstreams, peers } = this.#options
    const { content, upkeep, spoolFolder } = await this.#storeOf(named(this.#config.stores, route.store))
    const { client } = await upstreams.access(upstream)
    const options = await upstreams.options(upstream)
    const locks = new PeerLocks(peers, `mirror of ${pattern}`)
    const news = new TagNews(peers, `tags of ${pattern}`)
    const build = (asked: UpstreamClient) =>
      new MirrorRegistry({
        client: asked,
        content,
        manifests: caches.manifests,
        rewrite,
        ...freshnessOf(route),
        locks,
        news,
        watch: upkeep,
        spoolFolder,
      })
    const { visibility } = named(this.#config.upstreams, upstream)
    const callers = () => this.#callersOf(upstream, options)
    return withVisibility({ visibility, client, options, content, rewrite, callers }, build)
  }

  /** Several routes may lead to one upstream: a login has one client there. */
  #callersOf(upstream: string, options: UpstreamClientOptions): ClientsByLogin {
    const known = this.#options.callers.get(upstream)
    if (known) return known
    const clients = new ClientsByLogin(options)
    this.#options.callers.set(upstream, clients)
    this.#stack.defer(() => clients.close())
    return clients
  }

  async #storeOf(store: StoreConfig): Promise<MirrorStore> {
    const known = this.#stores.get(store.name)
    if (known) return known
    const { driverOf, peers } = this.#options
    const opened = await openMirrorStore(store, await driverOf(store), peers)
    this.#stack.defer(() => opened.upkeep.close())
    this.#stores.set(store.name, opened)
    return opened
  }
}
