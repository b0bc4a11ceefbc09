// What scenarios of CPU time share.
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { MIB } from '../options.ts'
import { cpuSecondsOf, memoryOf } from '../process-accounts.ts'
import type { Bench, Figure } from '../scenario.ts'
import { median, shown } from '../statistics.ts'
import type { RunningSystem } from '../system.ts'
import { takeTurns, type Turns } from '../turns.ts'
import type { Scope } from '../../support/scope.ts'

/** What a burst of work did, in the scenario's own unit of work: requests, GiB. */
export interface Work {
  readonly units: number
  readonly seconds: number
  readonly details?: Readonly<Record<string, number>>
}

export interface CpuWork extends Omit<Turns<never>, 'sample'> {
  /** CPU seconds per unit are shown times this: 1e6 for µs. */
  readonly scale: number
  /** What the rate of units is called: `requests/s`. */
  readonly rate: string
  work(system: RunningSystem, run: number): Promise<Work>
  /** What is written is on the disk before the next system's turn: some leave it to the kernel, at the cost of whoever runs then. */
  readonly writes?: boolean
}

interface Sample extends Work {
  readonly cpu: number
}

/** The CPU time that each system spends per unit of work: medians over the bench's runs. */
export async function measureCpu(t: Scope, bench: Bench, job: CpuWork): Promise<Figure[]> {
  const sample = (running: RunningSystem, run: number) => sampleCpu(job, running, run)
  const all = await takeTurns(t, bench, { ...job, sample })
  return Promise.all(
    all.map(async ({ running, samples }) => {
      const { peakRssBytes } = await memoryOf(running.pids)
      return figureOf(running.name, job, samples, peakRssBytes)
    }),
  )
}

async function sampleCpu(job: CpuWork, running: RunningSystem, run: number): Promise<Sample> {
  if (job.writes === true) await promisify(execFile)('sync')
  const before = await cpuSecondsOf(running.pids)
  const work = await job.work(running, run)
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
