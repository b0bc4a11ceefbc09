// The metrics of several processes as one: what they count is summed, what each takes of the machine is told for each.
import { AggregatorRegistry, type Registry } from 'prom-client'
import type { MetricsSnapshot, RenderedMetrics } from './metrics.ts'

export class SummedMetrics {
  /** What processes counted that are gone: a counter never goes back. */
  #gone: readonly object[] = []
  readonly #latest = new Map<string, readonly object[]>()

  /** What a process has counted up to now; `id` is never used again by another one. */
  take(id: string, { counts }: MetricsSnapshot): void {
    this.#latest.set(id, counts)
  }

  /** The process is gone: what it counted, as it was taken last, stays. */
  async keep(id: string): Promise<void> {
    const counts = this.#latest.get(id)
    this.#latest.delete(id)
    if (counts) this.#gone = await sumOf([this.#gone, counts.filter(lasts)]).getMetricsAsJSON()
  }

  /** `processes` are those that run, by the name that they are told by. */
  async render(processes: ReadonlyMap<string, MetricsSnapshot>): Promise<RenderedMetrics> {
    const counts = [this.#gone, ...this.#latest.values()]
    const figures = [...processes].map(([name, { process }]) => process.map((each) => labelled(each, name)))
    const summed = sumOf([...counts, ...figures])
    return { contentType: summed.contentType, text: await summed.metrics() }
  }
}

function sumOf(metrics: readonly (readonly object[])[]): Registry {
  // Metrics that no process has told of yet are not there.
  return AggregatorRegistry.aggregate(metrics.filter(({ length }) => length > 0).map((each) => [...each]))
}

/** What was going on in a process that is gone is over. */
function lasts(metric: object): boolean {
  return !('type' in metric) || metric.type !== 'gauge'
}

/** With other labels there is nothing to sum. */
function labelled(metric: object, worker: string): object {
  const values: unknown[] = 'values' in metric && Array.isArray(metric.values) ? metric.values : []
  return { ...metric, aggregator: 'sum', values: values.map((value) => withLabel(value, worker)) }
}

function withLabel(value: unknown, worker: string): unknown {
  if (typeof value !== 'object' || value === null) return value
  const labels = 'labels' in value && typeof value.labels === 'object' ? value.labels : {}
  return { ...value, labels: { ...labels, worker } }
}
