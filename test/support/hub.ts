// A stand-in for Docker Hub on loopback: registry, token realm and CDN on three origins, quotas, and faults at will.
import type { Digest } from '../../src/oci/digest.ts'
import type { TestCertificate } from './certificates.ts'
import { Cdn } from './hub/cdn.ts'
import { HubContent } from './hub/content.ts'
import type { HubRequest } from './hub/exchange.ts'
import { Faults, matches, type ActiveFault, type Fault, type FaultMatch } from './hub/faults.ts'
import { startListener } from './hub/listener.ts'
import { RateLimit } from './hub/rate-limit.ts'
import { HubRegistry } from './hub/registry.ts'
import { TokenRealm } from './hub/tokens.ts'
import type { Image, Index } from './images.ts'
import { atEnd, type Scope } from './scope.ts'

export interface HubOptions {
  /** What it holds from the start: `{ 'library/alpine:3.20': imageOf() }`. */
  readonly images?: Readonly<Record<string, Image | Index>>
  /** OCI layouts on disk, each served as one repository: `{ 'library/large': folder }`. */
  readonly layouts?: Readonly<Record<string, string>>
  /** Name → password. */
  readonly accounts?: Readonly<Record<string, string>>
  /** Repositories that only accounts may pull. */
  readonly privateRepositories?: readonly string[]
  /** Repositories that these accounts alone may pull: `{ 'acme/secret': ['acme'] }`. */
  readonly readers?: Readonly<Record<string, readonly string[]>>
  /** Manifest GETs allowed to each account, and to everybody else together; 100. */
  readonly pullLimit?: number
  /** How long a token is good for; 300 s. */
  readonly tokenTtlSeconds?: number
  /** HTTPS on all three origins. */
  readonly tls?: TestCertificate
}

export interface Hub {
  /** The registry's origin, `http://127.0.0.1:<port>`. */
  readonly url: string
  /** `127.0.0.1:<port>`, as image references begin. */
  readonly host: string
  readonly tokenUrl: string
  /** Another host name, so that clients which compare names alone see another origin, too. */
  readonly cdnUrl: string
  /** Every request to the three, in the order they came in. */
  readonly requests: readonly HubRequest[]
  /** Those of {@link requests} that match. */
  received(match: FaultMatch): HubRequest[]
  /** Requests that brought a login to the CDN: there must never be one. */
  leaks(): HubRequest[]
  forgetRequests(): void
  add(reference: string, item: Image | Index): void
  moveTag(repository: string, tag: string, digest: Digest): void
  deleteTag(repository: string, tag: string): void
  /** Takes a blob away that manifests may still name. */
  deleteBlob(repository: string, digest: Digest): void
  /** Strikes the requests that match, the next `times` of them or all until it is removed. */
  fail(match: FaultMatch, fault: Fault, options?: { times?: number }): ActiveFault
  /** Sets the pull limit anew, with nothing used of it. Infinity: none, as for a paying account. */
  limitPulls(limit: number): void
  /** Makes every token issued up to now invalid. */
  expireTokens(): void
  /** Refuses connections to all three origins and resets those that are open. */
  down(): Promise<void>
  /** Is back on the same ports. */
  up(): Promise<void>
}

/** Starts the stand-in. It is gone when `t` ends. */
export async function startHub(t: Scope, options: HubOptions = {}): Promise<Hub> {
  const content = await contentFor(options)
  const requests: HubRequest[] = []
  const faults = new Faults()
  const rateLimit = new RateLimit(options.pullLimit ?? 100)
  const realm = new TokenRealm({
    service: 'registry.docker.io',
    accounts: options.accounts ?? {},
    ttlSeconds: options.tokenTtlSeconds ?? 300,
    mayPull: (account, name) => content.has(name) && isReader(options, account, name),
  })
  const cdn = new Cdn(content)
  const shared = { requests, faults, tls: options.tls }
  const tokens = await startListener({ ...shared, server: 'token', handle: realm.handle })
  const blobs = await startListener({ ...shared, server: 'cdn', handle: cdn.handle })
  const scheme = options.tls ? 'https' : 'http'
  const origins = {
    token: `${scheme}://127.0.0.1:${tokens.port}`,
    cdn: `${scheme}://localhost:${blobs.port}`,
  }
  const registry = new HubRegistry({ content, realm, rateLimit, cdn, origins })
  const front = await startListener({ ...shared, server: 'registry', handle: registry.handle })
  const listeners = [front, tokens, blobs]
  const down = async (): Promise<void> => void (await Promise.all(listeners.map((each) => each.down())))
  atEnd(t, async () => {
    faults.clear()
    await down()
  })
  return {
    url: `${scheme}://127.0.0.1:${front.port}`,
    host: `127.0.0.1:${front.port}`,
    tokenUrl: `${origins.token}/token`,
    cdnUrl: origins.cdn,
    requests,
    received: (match) => requests.filter((request) => matches(match, request)),
    leaks: () =>
      requests.filter(({ server, headers }) => server === 'cdn' && headers.authorization !== undefined),
    forgetRequests: () => void requests.splice(0),
    add: (reference, item) => content.add(reference, item),
    moveTag: (repository, tag, digest) => content.moveTag(repository, tag, digest),
    deleteTag: (repository, tag) => content.deleteTag(repository, tag),
    deleteBlob: (repository, digest) => content.deleteBlob(repository, digest),
    fail: (match, fault, { times } = {}) => faults.add(match, fault, times),
    limitPulls: (limit) => rateLimit.reset(limit),
    expireTokens: () => realm.expireAll(),
    down,
    up: async () => void (await Promise.all(listeners.map((each) => each.up()))),
  }
}

async function contentFor({ images = {}, layouts = {} }: HubOptions): Promise<HubContent> {
  const content = new HubContent()
  for (const [reference, item] of Object.entries(images)) content.add(reference, item)
  for (const [repository, folder] of Object.entries(layouts)) await content.addLayout(repository, folder)
  return content
}

function isReader(
  { readers, privateRepositories = [] }: HubOptions,
  account: string | undefined,
  name: string,
): boolean {
  const allowed = readers?.[name]
  if (allowed) return account !== undefined && allowed.includes(account)
  return account !== undefined || !privateRepositories.includes(name)
}
