// The pulls that all processes of a gateway noted, for who removes what nobody pulls.
import { setTimeout as pause } from 'node:timers/promises'
import type { Peers } from '../../cache/peers.ts'
import type { PullTimes } from './pull-times.ts'

/** What is known of pulls, for who removes by that. */
export type KnownPulls = Pick<PullTimes, 'since' | 'flush' | 'last' | 'prune'>

export interface SharedPullTimesOptions {
  readonly pulls: PullTimes
  readonly peers: Peers
  /** The same in all processes, and for no other store. */
  readonly topic: string
}

/** A question is answered within that time, also by who has much to write. */
const PATIENCE_MS = 1000

export class SharedPullTimes implements KnownPulls {
  readonly #options: SharedPullTimesOptions

  constructor(options: SharedPullTimesOptions) {
    this.#options = options
    const { pulls, peers, topic } = options
    peers.answer(topic, () =>
      Promise.race([pulls.flush().then(() => true), pause(PATIENCE_MS, false, { ref: false })]),
    )
  }

  get since(): number {
    return this.#options.pulls.since
  }

  /** Resolves when all that any process noted before is written. Rejects where one can not write. */
  async flush(): Promise<void> {
    const { pulls, peers, topic } = this.#options
    await pulls.flush()
    while ((await peers.ask(topic, null)).includes(false)) await pulls.flush()
  }

  last: PullTimes['last'] = (...args) => this.#options.pulls.last(...args)
  prune: PullTimes['prune'] = (...args) => this.#options.pulls.prune(...args)
}
