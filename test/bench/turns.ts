// Systems take turns, run by run, so that a busy minute of the machine hits all of them alike.
import type { Scope } from '../support/scope.ts'
import type { Bench } from './scenario.ts'
import type { RunningSystem, System, SystemOptions } from './system.ts'

export interface Turns<Sample> {
  readonly systems: readonly System[]
  /** How they are started, when it is not the usual way. */
  readonly changes?: Partial<SystemOptions>
  /** Asks one system, once, before anything is measured: connections, caches, compiled code. */
  warmUp(system: RunningSystem): Promise<unknown>
  /** Runs are counted from 1. */
  sample(system: RunningSystem, run: number): Promise<Sample>
}

export interface Sampled<Sample> {
  readonly running: RunningSystem
  /** One for each run. */
  readonly samples: readonly Sample[]
}

/** Starts the systems within `t`; those that cannot run here are left out. */
export async function takeTurns<Sample>(
  t: Scope,
  bench: Bench,
  turns: Turns<Sample>,
): Promise<Sampled<Sample>[]> {
  const all: { running: RunningSystem; samples: Sample[] }[] = []
  for (const system of turns.systems) {
    const running = await bench.start(t, system, turns.changes)
    if (running) all.push({ running, samples: [] })
  }
  for (const { running } of all) {
    bench.progress(`warming up ${running.name}`)
    await turns.warmUp(running)
  }
  for (let run = 1; run <= bench.options.runs; run += 1)
    for (const { running, samples } of all) {
      bench.progress(`run ${run} of ${bench.options.runs}: ${running.name}`)
      samples.push(await turns.sample(running, run))
    }
  return all
}
