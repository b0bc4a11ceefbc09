// The metrics, in Prometheus' text format.
import { Counter, Gauge, Registry } from 'prom-client'
import { addProcessMetrics } from './process-metrics.ts'
import { RequestMetrics } from './request-metrics.ts'
import { addUpstreamMetrics, type UpstreamSample } from './upstream-metrics.ts'

/** What a store of mirrors holds, and what was taken off it since the last time. */
export interface StoreSample {
  readonly store: string
  readonly bytes: number
  /** Undefined: there is no limit. */
  readonly maxBytes: number | undefined
  readonly evicted: { readonly manifests: number; readonly bytes: number }
}

/** Prometheus' exposition format, and its content type. */
export interface RenderedMetrics {
  readonly contentType: string
  readonly text: string
}

/** Metrics as plain objects of prom-client, for another process. */
export interface MetricsSnapshot {
  /** What was counted. */
  readonly counts: readonly object[]
  /** What the process takes of the machine. */
  readonly process: readonly object[]
}

export class Metrics {
  readonly #registry = new Registry()
  readonly #process = new Registry()
  /** What the observer of requests counts. */
  readonly requests = new RequestMetrics()
  readonly #storeBytes: Gauge<'store'>
  readonly #storeLimits: Gauge<'store'>
  readonly #evictedBytes: Counter<'store'>
  readonly #evictedManifests: Counter<'store'>

  constructor() {
    const registers = [this.#registry]
    addProcessMetrics(this.#process)
    this.requests.addTo(this.#registry)
    const ofStores = { labelNames: ['store'] as const, registers }
    this.#storeBytes = new Gauge({
      name: 'dockgate_mirror_store_bytes',
      help: 'Bytes of all blobs and manifests that mirrors keep.',
      ...ofStores,
    })
    this.#storeLimits = new Gauge({
      name: 'dockgate_mirror_store_limit_bytes',
      help: 'Bytes that mirrors may keep, where there is a limit.',
      ...ofStores,
    })
    this.#evictedBytes = new Counter({
      name: 'dockgate_mirror_evicted_bytes_total',
      help: 'Bytes that mirrors kept and that were evicted.',
      ...ofStores,
    })
    this.#evictedManifests = new Counter({
      name: 'dockgate_mirror_evicted_manifests_total',
      help: 'Manifests that mirrors kept and that were evicted.',
      ...ofStores,
    })
  }

  /** From now on `read` is asked how upstreams stand whenever somebody looks. */
  addUpstreams(read: () => readonly UpstreamSample[]): void {
    addUpstreamMetrics(this.#registry, read)
  }

  storeChanged({ store, bytes, maxBytes, evicted }: StoreSample): void {
    this.#storeBytes.set({ store }, bytes)
    if (maxBytes !== undefined) this.#storeLimits.set({ store }, maxBytes)
    this.#evictedBytes.inc({ store }, evicted.bytes)
    this.#evictedManifests.inc({ store }, evicted.manifests)
  }

  async render(): Promise<RenderedMetrics> {
    const { contentType } = this.#registry
    return { contentType, text: `${await this.#process.metrics()}\n${await this.#registry.metrics()}` }
  }

  async snapshot(): Promise<MetricsSnapshot> {
    return {
      counts: await this.#registry.getMetricsAsJSON(),
      process: await this.#process.getMetricsAsJSON(),
    }
  }
}
