// What requests add up to: plain numbers, of which prom-client's metrics are made when somebody looks.
// prom-client itself sorts, checks and hashes the labels whenever it counts: an eighth of all that a manifest hit costs.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

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

/** Requests of one route, method and status. */
interface Tally {
  readonly labels: { readonly route: string; readonly method: string; readonly status: number }
  requests: number
  seconds: number
  bytesIn: number
  bytesOut: number
  /** How many took so long that they belong to each of {@link SECONDS}; the last figure is of those that took longer. */
  readonly buckets: number[]
  readonly verdicts: Map<string, number>
}

const METHODS = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS'])
const DURATIONS = {
  name: 'dockgate_http_request_duration_seconds',
  help: 'From the arrival of a request to the end of its answer.',
}
const SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300]

type Labels<Name extends string> = Partial<Record<Name, string | number>>

interface CountedBy<Name extends string> {
  readonly labelNames: readonly Name[]
  readonly count: (add: (labels: Labels<Name>, value: number) => void, tally: Tally) => void
}

export class RequestMetrics {
  #inFlight = 0
  /** By route, method and status: no text has to be put together to find one. */
  readonly #tallies = new Map<string, Map<string, Map<number, Tally>>>()

  addTo(registry: Registry): void {
    const registers = [registry]
    const inFlight = () => this.#inFlight
    new Gauge({
      name: 'dockgate_http_requests_in_flight',
      help: 'Requests being answered.',
      registers,
      collect() {
        this.set(inFlight())
      },
    })
    this.#addCounter(registry, 'dockgate_http_requests_total', 'Requests answered.', {
      labelNames: ['route', 'method', 'status'],
      count: (add, { labels, requests }) => add(labels, requests),
    })
    this.#addCounter(registry, 'dockgate_http_received_bytes_total', 'Bytes of requests, headers included.', {
      labelNames: ['route'],
      count: (add, { labels: { route }, bytesIn }) => add({ route }, bytesIn),
    })
    this.#addCounter(registry, 'dockgate_http_sent_bytes_total', 'Bytes of answers, headers included.', {
      labelNames: ['route'],
      count: (add, { labels: { route }, bytesOut }) => add({ route }, bytesOut),
    })
    this.#addCounter(
      registry,
      'dockgate_cache_answers_total',
      'Manifests and blobs by where they came from.',
      {
        labelNames: ['route', 'verdict'],
        count(add, { labels: { route }, verdicts }) {
          for (const [verdict, count] of verdicts) add({ route, verdict }, count)
        },
      },
    )
    new Durations(registry, () => this.#all())
  }

  began(): void {
    this.#inFlight += 1
  }

  ended({ route, method, status, seconds, bytesIn, bytesOut, cache }: RequestSample): void {
    this.#inFlight -= 1
    const tally = this.#tallyOf(route, METHODS.has(method) ? method : 'OTHER', status)
    tally.requests += 1
    tally.seconds += seconds
    tally.bytesIn += bytesIn
    tally.bytesOut += bytesOut
    let bucket = 0
    while (seconds > (SECONDS[bucket] ?? Infinity)) bucket += 1
    tally.buckets[bucket] = (tally.buckets[bucket] ?? 0) + 1
    if (cache !== undefined) tally.verdicts.set(cache, (tally.verdicts.get(cache) ?? 0) + 1)
  }

  #addCounter<Label extends string>(
    registry: Registry,
    name: string,
    help: string,
    { labelNames, count }: CountedBy<Label>,
  ): void {
    const all = () => this.#all()
    new Counter<Label>({
      name,
      help,
      labelNames: [...labelNames],
      registers: [registry],
      collect() {
        this.reset()
        for (const tally of all()) count((labels, value) => this.inc(labels, value), tally)
      },
    })
  }

  #tallyOf(route: string, method: string, status: number): Tally {
    return this.#tallies.get(route)?.get(method)?.get(status) ?? this.#newTally(route, method, status)
  }

  #newTally(route: string, method: string, status: number): Tally {
    const byMethod = this.#tallies.get(route) ?? new Map<string, Map<number, Tally>>()
    const byStatus = byMethod.get(method) ?? new Map<number, Tally>()
    const buckets = Array.from({ length: SECONDS.length + 1 }, () => 0)
    const labels = { route, method, status }
    const tally = { labels, requests: 0, seconds: 0, bytesIn: 0, bytesOut: 0, buckets, verdicts: new Map() }
    this.#tallies.set(route, byMethod.set(method, byStatus.set(status, tally)))
    return tally
  }

  *#all(): Generator<Tally> {
    for (const byMethod of this.#tallies.values())
      for (const byStatus of byMethod.values()) yield* byStatus.values()
  }
}

/** prom-client's histogram, with buckets that are filled here. */
class Durations extends Histogram<'route' | 'method'> {
  readonly #all: () => Iterable<Tally>

  constructor(registry: Registry, all: () => Iterable<Tally>) {
    super({ ...DURATIONS, labelNames: ['route', 'method'], buckets: SECONDS, registers: [registry] })
    this.#all = all
  }

  /** What registries ask a histogram for, and what its own `get` makes of. */
  getForPromString(): Promise<object> {
    const values = [...this.#byLabels().values()].flatMap(valuesOf)
    return Promise.resolve({ ...DURATIONS, type: 'histogram', aggregator: 'sum', values })
  }

  /** Whatever the status was. */
  #byLabels(): Map<string, Spread> {
    const spreads = new Map<string, Spread>()
    for (const { labels, seconds, buckets } of this.#all()) {
      const { route, method } = labels
      const key = `${route} ${method}`
      const known = spreads.get(key) ?? {
        labels: { route, method },
        seconds: 0,
        buckets: buckets.map(() => 0),
      }
      const sums = known.buckets.map((count, index) => count + (buckets[index] ?? 0))
      spreads.set(key, { ...known, seconds: known.seconds + seconds, buckets: sums })
    }
    return spreads
  }
}

interface Spread {
  readonly labels: { readonly route: string; readonly method: string }
  readonly seconds: number
  readonly buckets: readonly number[]
}

/** A bucket of Prometheus also holds all that was faster. */
function valuesOf({ labels: sharedLabels, seconds, buckets }: Spread): object[] {
  const { name } = DURATIONS
  let count = 0
  const cumulative = buckets.map((requests, index) => {
    count += requests
    const le = SECONDS[index] ?? '+Inf'
    return { metricName: `${name}_bucket`, labels: { le }, sharedLabels, value: count }
  })
  const sum = { metricName: `${name}_sum`, labels: {}, sharedLabels, value: seconds }
  return [...cumulative, sum, { metricName: `${name}_count`, labels: {}, sharedLabels, value: count }]
}
