// The connections to an upstream and to where it sends us: straight or through a proxy, each checked as its kind demands.
import { isIP } from 'node:net'
import { Agent, ProxyAgent, type Dispatcher } from 'undici'
import { createDials, ForbiddenAddressError, type Resolve } from './dials.ts'
import { bypassOf, isThisMachine } from './no-proxy.ts'
import { zoneOf } from './zones.ts'
import type { TlsMaterial } from './tls-files.ts'

export interface ProxyOptions {
  /** The proxy for `http:` URLs, which it is sent whole; with a user and password in it where it wants a login. */
  readonly http?: string | undefined
  /** The proxy for `https:` URLs, which it only passes bytes for. */
  readonly https?: string | undefined
  /** Hosts that are reached without it, as NO_PROXY has them (no-proxy.ts). */
  readonly bypass?: readonly string[]
}

export interface PoolOptions {
  readonly connectTimeoutMs: number
  readonly headersTimeoutMs: number
  readonly idleTimeoutMs: number
  readonly maxConnections: number
  readonly resolve?: Resolve | undefined
  readonly proxy?: ProxyOptions | undefined
  /** Origins that the upstream may send us to wherever they lie: `https://minio.internal:9000`. */
  readonly allowedRedirects?: readonly string[] | undefined
}

type Kind = 'upstream' | 'named' | 'elsewhere'

export class Pools {
  readonly #upstream: URL
  readonly #options: PoolOptions
  readonly #material: TlsMaterial
  readonly #dials: ReturnType<typeof createDials>
  readonly #bypasses: (url: URL) => boolean
  readonly #named: ReadonlySet<string>
  readonly #open = new Map<string, Dispatcher>()

  constructor(upstream: URL, options: PoolOptions, material: TlsMaterial) {
    this.#upstream = upstream
    this.#options = options
    this.#material = material
    const { connectTimeoutMs: timeout, resolve } = options
    const { ca, ...identity } = material
    const trust = { timeout, allowH2: false, ...(ca === undefined ? {} : { ca }) }
    this.#dials = createDials({ ...trust, upstream: identity }, resolve)
    this.#bypasses = bypassOf(options.proxy?.bypass ?? [])
    this.#named = new Set(options.allowedRedirects)
  }

  /** For requests to `url`. Throws {@link ForbiddenAddressError} for what only a proxy's address would hide. */
  for(url: URL): Dispatcher {
    const kind = this.#kindOf(url)
    const proxy = this.#proxyFor(url)
    if (proxy !== undefined && kind === 'elsewhere') refuseHidden(url)
    const key = `${kind} ${proxy ?? ''}`
    const known = this.#open.get(key)
    if (known) return known
    const opened = proxy === undefined ? this.#straight(kind) : this.#through(proxy, kind)
    this.#open.set(key, opened)
    return opened
  }

  /** Lets running requests end. */
  async retire(): Promise<void> {
    await Promise.all([...this.#open.values()].map((pool) => pool.close()))
  }

  async destroy(): Promise<void> {
    await Promise.all([...this.#open.values()].map((pool) => pool.destroy()))
  }

  #kindOf(url: URL): Kind {
    if (url.origin === this.#upstream.origin) return 'upstream'
    return this.#named.has(url.origin) ? 'named' : 'elsewhere'
  }

  #proxyFor(url: URL): string | undefined {
    const { http, https } = this.#options.proxy ?? {}
    const proxy = url.protocol === 'https:' ? https : http
    return proxy === undefined || this.#bypasses(url) ? undefined : proxy
  }

  #straight(kind: Kind): Dispatcher {
    return new Agent({ ...this.#limits(), connect: this.#dials[kind] })
  }

  /** What the proxy connects to is the proxy's to say: addresses can only be checked where a URL names one itself. */
  #through(uri: string, kind: Kind): Dispatcher {
    const { ca, ...identity } = this.#material
    const requestTls = { ...(ca === undefined ? {} : { ca }), ...(kind === 'upstream' ? identity : {}) }
    const connectTimeout = this.#options.connectTimeoutMs
    return new ProxyAgent({ ...this.#limits(), uri, requestTls, connectTimeout })
  }

  #limits() {
    const { headersTimeoutMs, idleTimeoutMs, maxConnections } = this.#options
    return {
      headersTimeout: headersTimeoutMs,
      bodyTimeout: idleTimeoutMs,
      connections: maxConnections,
      maxHeaderSize: 128 * 1024,
      allowH2: false,
    }
  }
}

function refuseHidden({ hostname }: URL): void {
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  if (isThisMachine(host) || (isIP(host) !== 0 && zoneOf(host) !== 'public'))
    throw new ForbiddenAddressError('the host lies where the upstream must not lead to')
}
