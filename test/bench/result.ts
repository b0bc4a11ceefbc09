// What is left of a run: figures, verdicts, and where they come from.
import type { Machine } from './machine.ts'
import type { Options } from './options.ts'
import type { Figure, Scenario, Verdict } from './scenario.ts'

export interface Result {
  readonly scenario: Pick<Scenario, 'name' | 'title' | 'unit'>
  readonly figures: readonly Figure[]
  readonly verdicts: readonly Verdict[]
  /** What has to be known of the figures, such as systems that are left out. */
  readonly notes: readonly string[]
  /** How long it took. */
  readonly seconds: number
  /** Why there are no figures; undefined where all went well. */
  readonly failure?: string
}

/** All that one run of the bench found. */
export interface Run {
  /** When it ended, as ISO 8601 has it. */
  readonly time: string
  /** dockgate's. */
  readonly version: string
  readonly machine: Machine
  readonly options: Options
  readonly results: readonly Result[]
}
