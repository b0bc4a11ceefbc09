// What scenarios of CPU time share: systems take turns, so that a busy minute of the machine hits all of them alike.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { MIB } from '../options.ts'
import { cpuSecondsOf, memoryOf } from '../process-accounts.ts'
import type { Bench, Figure } from '../scenario.ts'
import { median, shown } from '../statistics.ts'
import type { RunningSystem, System, SystemOptions } from '../system.ts'
import type { Scope } from '../../support/scope.ts'

/** What a burst of work did, in the scenario's own unit of work: requests, GiB. */
export interface Work {
  readonly units: number
  readonly seconds: number
  readonly details?: Readonly<Record<string, number>>
}

export interface CpuWork {
  readonly systems: readonly System[]
  /** How they are started, when it is not the usual way. */
  readonly changes?: Partial<SystemOptions>
  /** CPU seconds per unit are shown times this: 1e6 for µs. */
  readonly scale: number
  /** What the rate of units is called: `requests/s`. */
  readonly rate: string
  /** Asks one system, once, before anything is measured: connections, caches, compiled code. */
  warmUp(system: RunningSystem): Promise<unknown>
  work(system: RunningSystem): Promise<Work>
  /** What is written is on the disk before the next system's turn: some leave it to the kernel, at the cost of whoever runs then. */
  readonly writes?: boolean
}

interface Sample extends Work {
  readonly cpu: number
}

/** The CPU time that each system spends per unit of work: medians over the bench's runs. */
export async function measureCpu(t: Scope, bench: Bench, job: CpuWork): Promise<Figure[]> {
  const systems: { running: RunningSystem; samples: Sample[] }[] = []
  for (const system of job.systems) {
    const running = await bench.start(t, system, job.changes)
    if (running) systems.push({ running, samples: [] })
  }
  for (const { running } of systems) {
    bench.progress(`warming up ${running.name}`)
    await job.warmUp(running)
  }
  for (let run = 1; run <= bench.options.runs; run += 1)
    for (const { running, samples } of systems) {
      bench.progress(`run ${run} of ${bench.options.runs}: ${running.name}`)
      samples.push(await sample(job, running))
    }
  return Promise.all(
    systems.map(async ({ running, samples }) => {
      const { peakRssBytes } = await memoryOf(running.pids)
      return figureOf(running.name, job, samples, peakRssBytes)
    }),
  )
}

async function sample(job: CpuWork, running: RunningSystem): Promise<Sample> {
  if (job.writes === true) await promisify(execFile)('sync')
  const before = await cpuSecondsOf(running.pids)
  const work = await job.work(running)
  return { ...work, cpu: (await cpuSecondsOf(running.pids)) - before }
}

function figureOf(
  subject: string,
  { scale, rate }: CpuWork,
  samples: readonly Sample[],
  peakRssBytes: number,
): Figure {
  const runs = samples.map(({ cpu, units }) => (cpu / units) * scale)
  const details: Record<string, string> = {
    [rate]: shown(median(samples.map(({ units, seconds }) => units / seconds))),
  }
  for (const name of Object.keys(samples[0]?.details ?? {}))
    details[name] = shown(median(samples.map((each) => each.details?.[name] ?? NaN)))
  details['peak MiB'] = shown(peakRssBytes / MIB)
  return { subject, value: median(runs), runs, details }
}
