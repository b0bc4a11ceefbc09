// The metrics, in Prometheus' text format.
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { addProcessMetrics } from './process-metrics.ts'
import { addUpstreamMetrics, type UpstreamSample } from './upstream-metrics.ts'

/** What one request adds to the metrics. Every label has few values: no names, no addresses. */
export interface RequestSample {
  readonly route: string
  readonly method: string
  readonly status: number
  readonly seconds: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** Whether caches knew the answer; undefined where none was asked. */
  readonly cache: string | undefined
}

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

interface Series {
  readonly requests: Counter.Internal
  readonly seconds: Histogram.Internal<string>
  readonly bytesIn: Counter.Internal
  readonly bytesOut: Counter.Internal
}

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS'])
const SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300]

export class Metrics {
  readonly #registry = new Registry()
  readonly #process = new Registry()
  readonly #series = new Map<string, Series>()
  readonly #cacheAnswers: Counter<'route' | 'verdict'>
  readonly #inFlight: Gauge
  readonly #requests: Counter<'route' | 'method' | 'status'>
  readonly #seconds: Histogram<'route' | 'method'>
  readonly #bytesIn: Counter<'route'>
  readonly #bytesOut: Counter<'route'>
  readonly #storeBytes: Gauge<'store'>
  readonly #storeLimits: Gauge<'store'>
  readonly #evictedBytes: Counter<'store'>
  readonly #evictedManifests: Counter<'store'>

  constructor() {
    const registers = [this.#registry]
    addProcessMetrics(this.#process)
    this.#requests = new Counter({
      name: 'dockgate_http_requests_total',
      help: 'Requests answered.',
      labelNames: ['route', 'method', 'status'],
      registers,
    })
    this.#seconds = new Histogram({
      name: 'dockgate_http_request_duration_seconds',
      help: 'From the arrival of a request to the end of its answer.',
      labelNames: ['route', 'method'],
      buckets: SECONDS,
      registers,
    })
    this.#bytesIn = new Counter({
      name: 'dockgate_http_received_bytes_total',
      help: 'Bytes of requests, headers included.',
      labelNames: ['route'],
      registers,
    })
    this.#bytesOut = new Counter({
      name: 'dockgate_http_sent_bytes_total',
      help: 'Bytes of answers, headers included.',
      labelNames: ['route'],
      registers,
    })
    this.#cacheAnswers = new Counter({
      name: 'dockgate_cache_answers_total',
      help: 'Manifests and blobs by where they came from.',
      labelNames: ['route', 'verdict'],
      registers,
    })
    this.#inFlight = new Gauge({
      name: 'dockgate_http_requests_in_flight',
      help: 'Requests being answered.',
      registers,
    })
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

  requestBegan(): void {
    this.#inFlight.inc()
  }

  requestEnded({ route, method, status, seconds, bytesIn, bytesOut, cache }: RequestSample): void {
    const series = this.#seriesOf(route, METHODS.has(method) ? method : 'OTHER', status)
    this.#inFlight.dec()
    series.requests.inc()
    series.seconds.observe(seconds)
    series.bytesIn.inc(bytesIn)
    series.bytesOut.inc(bytesOut)
    if (cache !== undefined) this.#cacheAnswers.inc({ route, verdict: cache })
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

  /** Looking a child up by its labels costs more than counting: children are kept. */
  #seriesOf(route: string, method: string, status: number): Series {
    const key = `${route} ${method} ${status}`
    let series = this.#series.get(key)
    if (!series) {
      series = {
        requests: this.#requests.labels(route, method, String(status)),
        seconds: this.#seconds.labels(route, method),
        bytesIn: this.#bytesIn.labels(route),
        bytesOut: this.#bytesOut.labels(route),
      }
      this.#series.set(key, series)
    }
    return series
  }
}
