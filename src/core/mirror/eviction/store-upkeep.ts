// Keeps the store of mirrors within its limits. Every process of a gateway watches its own clients; the primary evicts.
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Message, Peers } from '../../../cache/peers.ts'
import { parseDigest, type Digest } from '../../../oci/digest.ts'
import type { Reference } from '../../../oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../../oci/repository-name.ts'
import { ifAlone } from '../../../storage/while-alone.ts'
import type { ContentStore } from '../../content/content-store.ts'
import { PullTimes } from '../../content/pull-times.ts'
import { MIRROR_FAILURES } from '../as-cache.ts'
import type { OnEvicted, StoreWatch } from '../store-watch.ts'
import { BlobUses } from './blob-uses.ts'
import { evict, type Evicted } from './evict.ts'
import { planEviction } from './eviction-plan.ts'
import { Pins } from './pins.ts'
import { STORE_USAGE, type StoreUsage } from './store-usage.ts'
import { surveyBlobs, surveyStore, type SurveyedManifest } from './survey.ts'

export interface StoreLimits {
  /** What all blobs together may take; undefined: any number of bytes. */
  readonly maxBytes: number | undefined
  /** What nobody pulled for so long goes; undefined: nothing does. */
  readonly unusedAfterMs: number | undefined
  /** Images that never go: `docker.io/library/alpine:3.*`. */
  readonly pins: readonly string[]
}

export interface StoreUpkeepOptions {
  /** The store's name in the configuration. */
  readonly name: string
  readonly content: ContentStore
  readonly limits: StoreLimits
  readonly peers: Peers
  /** A file on the local disk: of all gateways on the store, one at a time evicts. */
  readonly lockFile: string
  /** In ms since the epoch. */
  readonly now?: () => number
}

const NOTHING: Evicted = { manifests: 0, bytes: 0 }
/** How often a store is looked through, and how often one without limits. */
const CHECK_MS = 5 * 60_000
const MEASURE_MS = 60 * 60_000
/** Between two looks through the store, where it is over its limit again and again, so many times as long as one takes. */
const REST_FACTOR = 10
const MIN_REST_MS = 500
const PULL_PRECISION_MS = 60_000

export class StoreUpkeep implements StoreWatch {
  readonly #options: StoreUpkeepOptions
  readonly #pulls: PullTimes
  readonly #uses = new BlobUses()
  readonly #listeners: OnEvicted[] = []
  readonly #closing = new AbortController()
  readonly #timer: NodeJS.Timeout | undefined
  #bytes = 0
  #running: Promise<void> | undefined
  #soon: NodeJS.Timeout | undefined
  #restUntil = 0

  private constructor(options: StoreUpkeepOptions, pulls: PullTimes) {
    this.#options = options
    this.#pulls = pulls
    options.peers.answer(this.#topic, (message) => this.#hear(message))
    if (!options.peers.isPrimary) return
    this.#timer = setInterval(() => void this.check(), this.#isLimited ? CHECK_MS : MEASURE_MS).unref()
    void this.check()
  }

  static async open(options: StoreUpkeepOptions): Promise<StoreUpkeep> {
    const { now = Date.now, content } = options
    const pulls = await PullTimes.open({ driver: content.driver, now, precisionMs: PULL_PRECISION_MS })
    return new StoreUpkeep(options, pulls)
  }

  get maxBytes(): number | undefined {
    return this.#options.limits.maxBytes
  }

  pulled(repository: RepositoryName, reference: Reference): void {
    this.#pulls.note(repository, reference)
  }

  reading(digest: Digest): () => void {
    return this.#uses.begin(digest)
  }

  kept(bytes: number): void {
    const { peers } = this.#options
    if (!peers.isPrimary) return peers.tell(this.#topic, { kept: bytes })
    this.#bytes += bytes
    this.#publish(NOTHING)
    if (this.#bytes > (this.maxBytes ?? Infinity)) this.#checkSoon()
  }

  onEvicted(listener: OnEvicted): void {
    this.#listeners.push(listener)
  }

  /** Looks through the store now, and evicts what has to go. Never rejects. */
  check(): Promise<void> {
    this.#running ??= this.#check().finally(() => (this.#running = undefined))
    return this.#running
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    clearTimeout(this.#soon)
    this.#closing.abort()
    await this.#running
    await this.#pulls.close().catch(publishFailure)
  }

  get #topic(): string {
    return `mirror store ${this.#options.name}`
  }

  get #isLimited(): boolean {
    const { maxBytes, unusedAfterMs } = this.#options.limits
    return maxBytes !== undefined || unusedAfterMs !== undefined
  }

  #checkSoon(): void {
    const delay = Math.max(0, this.#restUntil - performance.now())
    this.#soon ??= setTimeout(() => {
      this.#soon = undefined
      void this.check()
    }, delay).unref()
  }

  async #check(): Promise<void> {
    const startedAt = performance.now()
    try {
      if (this.#isLimited) await this.#alone(() => this.#evict())
      else await this.#measure()
    } catch (error) {
      if (!this.#closing.signal.aborted) publishFailure(error)
    }
    const tookMs = performance.now() - startedAt
    this.#restUntil = performance.now() + Math.max(MIN_REST_MS, tookMs * REST_FACTOR)
  }

  /** Where another gateway on the store is at it, this one need not. */
  async #alone(work: () => Promise<void>): Promise<void> {
    const { lockFile } = this.#options
    await mkdir(dirname(lockFile), { recursive: true })
    await ifAlone(lockFile, work)
  }

  async #measure(): Promise<void> {
    const { bytes } = await surveyBlobs(this.#options.content, this.#closing.signal)
    this.#bytes = bytes
    this.#publish(NOTHING)
  }

  async #evict(): Promise<void> {
    const { content, limits, now = Date.now } = this.#options
    const { maxBytes, unusedAfterMs, pins } = limits
    const shared = { content, pulls: this.#pulls, signal: this.#closing.signal }
    await this.#pulls.flush()
    const survey = await surveyStore({ ...shared, pins: new Pins(pins) })
    const unusedBefore = unusedAfterMs === undefined ? undefined : now() - unusedAfterMs
    const plan = planEviction(survey, { maxBytes, unusedBefore })
    const evicted = await evict(plan, survey, {
      ...shared,
      inUse: (digests) => this.#inUse(digests),
      onEvict: (manifests) => this.#tellEvicted(manifests),
    })
    this.#bytes = survey.bytes - evicted.bytes
    this.#publish(evicted)
  }

  async #inUse(digests: readonly Digest[]): Promise<ReadonlySet<Digest>> {
    try {
      const answers = await this.#options.peers.ask(this.#topic, { among: digests })
      return new Set([...this.#uses.among(digests), ...digestsOf(answers.flat())])
    } catch (error) {
      // Who cannot be asked may be reading any of them.
      publishFailure(error)
      return new Set(digests)
    }
  }

  #tellEvicted(manifests: readonly SurveyedManifest[]): void {
    const evicted = manifests.map(({ repository, digest }) => [repository, digest])
    if (evicted.length === 0) return
    this.#forget(evicted)
    this.#options.peers.tell(this.#topic, { evicted })
  }

  #hear(message: Message): Message {
    if (!isObject(message)) return null
    if (Array.isArray(message['among'])) return this.#uses.among(digestsOf(message['among']))
    if (Array.isArray(message['evicted'])) this.#forget(message['evicted'])
    if (typeof message['kept'] === 'number' && this.#options.peers.isPrimary) this.kept(message['kept'])
    return null
  }

  #forget(evicted: readonly Message[]): void {
    for (const pair of evicted) {
      const [name, text] = Array.isArray(pair) ? (pair as readonly Message[]) : []
      const repository = typeof name === 'string' ? parseRepositoryName(name) : undefined
      const digest = typeof text === 'string' ? parseDigest(text) : undefined
      if (repository && digest) for (const listener of this.#listeners) listener(repository, digest)
    }
  }

  #publish(evicted: Evicted): void {
    const usage: StoreUsage = {
      store: this.#options.name,
      bytes: this.#bytes,
      maxBytes: this.maxBytes,
      evicted,
    }
    STORE_USAGE.publish(usage)
  }
}

function digestsOf(values: readonly Message[]): Digest[] {
  return values.flatMap((value) => (typeof value === 'string' ? (parseDigest(value) ?? []) : []))
}

function isObject(message: Message): message is { readonly [key: string]: Message } {
  return typeof message === 'object' && message !== null && !Array.isArray(message)
}

function publishFailure(error: unknown): void {
  MIRROR_FAILURES.publish({ error })
}
