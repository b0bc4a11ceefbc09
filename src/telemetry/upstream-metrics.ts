// How upstreams stand, as metrics: read when somebody looks.
import { Gauge, type Registry } from 'prom-client'

export interface UpstreamSample {
  readonly upstream: string
  readonly url: string
  readonly isUp: boolean
  readonly quota: { readonly limit: number; readonly remaining: number } | undefined
  /** Until it may be asked for manifests again; 0 when it may. */
  readonly quietSeconds: number
}

type Labels = 'upstream' | 'url'

/** Of several processes the one that fares worst is told: what one of them has heard the others will hear, too. */
export function addUpstreamMetrics(registry: Registry, read: () => readonly UpstreamSample[]): void {
  const gauge = (
    name: string,
    help: string,
    aggregator: 'min' | 'max',
    valueOf: (sample: UpstreamSample) => number | undefined,
  ) =>
    new Gauge<Labels>({
      name: `dockgate_upstream_${name}`,
      help,
      labelNames: ['upstream', 'url'],
      registers: [registry],
      aggregator,
      collect() {
        this.reset()
        for (const sample of read()) {
          const value = valueOf(sample)
          if (value !== undefined) this.set({ upstream: sample.upstream, url: sample.url }, value)
        }
      },
    })
  gauge('up', '0 for one that failed and has not answered a probe.', 'min', ({ isUp }) => (isUp ? 1 : 0))
  gauge('quota_limit', 'Pulls that it allows in a window.', 'max', ({ quota }) => quota?.limit)
  gauge('quota_remaining', 'Pulls that are left in the window.', 'min', ({ quota }) => quota?.remaining)
  gauge('quiet_seconds', 'Until it may be asked again, as it said.', 'max', (sample) => sample.quietSeconds)
}
