// The metrics of a gateway with workers: what all of them have counted, also those that are gone.
import { setTimeout as pause } from 'node:timers/promises'
import type { Message } from '../../cache/peers.ts'
import type { Metrics, MetricsSnapshot, RenderedMetrics } from '../../telemetry/metrics.ts'
import { SummedMetrics } from '../../telemetry/summed-metrics.ts'
import { textOf, TOPIC } from './orders.ts'
import type { PrimaryPeers } from './primary-peers.ts'

export interface WorkersMetricsOptions {
  readonly peers: PrimaryPeers
  /** The primary's own. */
  readonly metrics: Metrics
  /** Ids of the workers that serve, by their number. */
  readonly workers: () => ReadonlyMap<number, string>
}

/** A worker that is held up must not keep the others' figures back. */
const PATIENCE_MS = 2000

export class WorkersMetrics {
  readonly #options: WorkersMetricsOptions
  readonly #summed = new SummedMetrics()

  constructor(options: WorkersMetricsOptions) {
    this.#options = options
    const { peers } = options
    // Workers tell it now and then, and before they leave.
    peers.answer(TOPIC.counted, (message, from) => {
      this.#summed.take(from, parse(message))
      return null
    })
    peers.onGone((id) => void this.#summed.keep(id))
  }

  async render(): Promise<RenderedMetrics> {
    const { metrics, workers } = this.#options
    const own = await metrics.snapshot()
    const processes = new Map([['primary', own]])
    // It serves no clients, but it looks after stores.
    this.#summed.take('primary', own)
    await Promise.all(
      [...workers()].map(async ([number, id]) => {
        const snapshot = await this.#ask(id)
        if (!snapshot) return
        this.#summed.take(id, snapshot)
        processes.set(String(number), snapshot)
      }),
    )
    return this.#summed.render(processes)
  }

  async #ask(id: string): Promise<MetricsSnapshot | undefined> {
    const asked = this.#options.peers.askWorker(id, TOPIC.metrics, null)
    const answer = await Promise.race([asked, pause(PATIENCE_MS, undefined, { ref: false })])
    return answer === undefined ? undefined : parse(answer)
  }
}

/** Of a worker of ours: `JSON.stringify` of a snapshot. */
function parse(message: Message): MetricsSnapshot {
  return JSON.parse(textOf(message)) as MetricsSnapshot
}
