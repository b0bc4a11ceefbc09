// What a scenario is: a kind of work, the systems that do it, and what dockgate has to reach beside them.
import type { RunningSystem, System, SystemOptions } from './system.ts'
import type { Content, Needs } from './content/content.ts'
import type { Options } from './options.ts'
import type { TestCertificate } from '../support/certificates.ts'
import type { Scope } from '../support/scope.ts'
import { median } from './statistics.ts'

/** What scenarios work with. */
export interface Bench {
  readonly options: Options
  readonly content: Content
  readonly tls: TestCertificate
  /** Ends clients when the bench is interrupted. */
  readonly signal: AbortSignal
  /**
   * Starts a system, on the shared content over TLS where `changes` say nothing else; it is gone when `t` ends.
   * Undefined: it cannot run here. The table says why, and what would be held against it is not judged.
   */
  start(t: Scope, system: System, changes?: Partial<SystemOptions>): Promise<RunningSystem | undefined>
  /** Tells people how far it is. */
  progress(text: string): void
  /** A line below the table. */
  note(text: string): void
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
  /** A column of the table in place of the value; its median is held against the limit. */
  readonly column?: string
  /** Wished for: missing it is no failure. */
  readonly isGoal?: boolean
  /** As people say it: `≤ 1/3 of nginx + apr1`. */
  readonly text: string
}

export interface Scenario {
  readonly name: string
  readonly title: string
  /** Of its figures: `CPU µs per request`. */
  readonly unit: string
  /** Left out of a usual run. */
  readonly isExtra?: boolean
  /** What has to be in the store; by default one image. */
  needs?(options: Options): Needs
  targets(options: Options): readonly Target[]
  /** Starts what it needs within `t`, and measures. */
  measure(t: Scope, bench: Bench): Promise<readonly Figure[]>
}

export interface Verdict extends Target {
  readonly actual: number
  readonly isReached: boolean
}

/**
 * Holds figures against targets, but for those that speak of `absent` subjects. Ratios are taken run by run, and their
 * median counts: systems take turns, so a busy minute of the machine is in both. Throws when a target speaks of a
 * subject that was not measured.
 */
export function judge(
  targets: readonly Target[],
  figures: readonly Figure[],
  absent: ReadonlySet<string> = new Set(),
): Verdict[] {
  const runsOf = (subject: string): readonly number[] => {
    const found = figures.find((figure) => figure.subject === subject)
    if (!found) throw new Error(`nothing was measured of ${subject}`)
    return found.runs
  }
  const columnOf = (subject: string, name: string): number =>
    Number(figures.find((figure) => figure.subject === subject)?.details[name] ?? NaN)
  const isJudged = ({ subject, against }: Target): boolean =>
    !absent.has(subject) && (against === undefined || !absent.has(against))
  return targets.filter(isJudged).map((target) => {
    if (target.column !== undefined) {
      const actual = columnOf(target.subject, target.column)
      return { ...target, actual, isReached: actual <= target.limit }
    }
    const others = target.against === undefined ? undefined : runsOf(target.against)
    const actual = median(runsOf(target.subject).map((value, run) => value / (others?.[run] ?? 1)))
    return { ...target, actual, isReached: actual <= target.limit }
  })
}
