// What a scenario is: a kind of work, the systems that do it, and what dockgate has to reach beside them.
import type { RunningSystem, System } from './system.ts'
import type { Content } from './content.ts'
import type { Options } from './options.ts'
import type { TestCertificate } from '../support/certificates.ts'
import type { Scope } from '../support/scope.ts'

/** What scenarios work with. */
export interface Bench {
  readonly options: Options
  readonly content: Content
  readonly tls: TestCertificate
  /** Ends clients when the bench is interrupted. */
  readonly signal: AbortSignal
  /** Starts a system on the shared content; it is gone when `t` ends. */
  start(t: Scope, system: System): Promise<RunningSystem>
  /** Tells people how far it is. */
  progress(text: string): void
}

/** One system's answer to one scenario. */
export interface Figure {
  readonly subject: string
  /** The median of `runs`, in the scenario's unit. */
  readonly value: number
  readonly runs: readonly number[]
  /** Further columns of the table: throughput, latencies. */
  readonly details: Readonly<Record<string, string>>
}

/** `subject` has to stay at or below `limit`; with `against`, at or below `limit` × that subject. */
export interface Target {
  readonly subject: string
  readonly against?: string
  readonly limit: number
  /** As people say it: `≤ 1/3 of nginx + apr1`. */
  readonly text: string
}

export interface Scenario {
  readonly name: string
  readonly title: string
  /** Of its figures: `CPU µs per request`. */
  readonly unit: string
  /** Sizes of the blobs that have to be in the store. */
  blobSizes(options: Options): readonly number[]
  targets(options: Options): readonly Target[]
  /** Starts what it needs within `t`, and measures. */
  measure(t: Scope, bench: Bench): Promise<readonly Figure[]>
}

export interface Verdict extends Target {
  readonly actual: number
  readonly isReached: boolean
}

/**
 * Holds figures against targets. Ratios are taken run by run, and their median counts: systems take turns, so a busy
 * minute of the machine is in both. Throws when a target speaks of a subject that was not measured.
 */
export function judge(targets: readonly Target[], figures: readonly Figure[]): Verdict[] {
  const runsOf = (subject: string): readonly number[] => {
    const found = figures.find((figure) => figure.subject === subject)
    if (!found) throw new Error(`nothing was measured of ${subject}`)
    return found.runs
  }
  return targets.map((target) => {
    const others = target.against === undefined ? undefined : runsOf(target.against)
    const actual = median(runsOf(target.subject).map((value, run) => value / (others?.[run] ?? 1)))
    return { ...target, actual, isReached: actual <= target.limit }
  })
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
}
