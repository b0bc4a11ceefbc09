// How long a start takes: from the process's first moment, as the kernel noted it, to the end of its first answer.
import { execFile } from 'node:child_process'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { scoped } from '../../support/scope.ts'
import { MIB } from '../options.ts'
import { ageMsOf, cpuSecondsOf, memoryOf } from '../process-accounts.ts'
import type { Bench, Figure, Scenario } from '../scenario.ts'
import { median, shown } from '../statistics.ts'
import { ACCOUNT, type System } from '../system.ts'
import { bareHandler } from '../systems/bare-handler.ts'
import { openDockerRegistry } from '../systems/docker-registry.ts'
import { dockgate, dockgateTwoWorkers, startDockgate } from '../systems/dockgate.ts'

const LIMIT_MS = 800
/** In the tree, where its imports find the packages. */
const BUILD = join(ROOT, 'bench-results/built')

/** As the image has it. */
const dockgateBuilt: System = {
  name: 'dockgate, built',
  start: (t, options) =>
    startDockgate(t, { ...options, name: 'dockgate, built', main: join(BUILD, 'dist/cli/main.js') }),
}

interface Sample {
  readonly ms: number
  readonly cpuMs: number
  readonly rssMib: number
}

export const start: Scenario = {
  name: 'start',
  title: 'from the start of the process to its first answer over TLS; source as it stands, and built',
  unit: 'ms',
  targets: () =>
    [dockgate, dockgateBuilt].map(({ name }) => ({
      subject: name,
      limit: LIMIT_MS,
      text: `${name}: ≤ ${LIMIT_MS} ms`,
    })),
  measure: async (_, bench) => {
    bench.progress('building')
    await build()
    const systems = [dockgate, dockgateBuilt, dockgateTwoWorkers, bareHandler, openDockerRegistry]
    const samples = new Map<System, Sample[]>()
    for (let run = 1; run <= bench.options.runs; run += 1)
      for (const system of systems) {
        bench.progress(`run ${run} of ${bench.options.runs}: ${system.name}`)
        const sample = await startOnce(bench, system)
        if (sample) samples.set(system, [...(samples.get(system) ?? []), sample])
      }
    return [...samples].map(([{ name }, all]) => figureOf(name, all))
  },
}

async function build(): Promise<void> {
  const tsc = join(ROOT, 'node_modules/.bin/tsc')
  await promisify(execFile)(tsc, ['-p', join(ROOT, 'tsconfig.build.json'), '--outDir', join(BUILD, 'dist')])
  await copyFile(join(ROOT, 'package.json'), join(BUILD, 'package.json'))
}

function startOnce(bench: Bench, system: System): Promise<Sample | undefined> {
  return scoped(async (t) => {
    const running = await bench.start(t, system)
    if (!running) return undefined
    const { status } = await send(`${running.url}/v2/`, { ca: bench.tls.ca, account: ACCOUNT })
    if (status !== 200) throw new Error(`the first answer of ${system.name} was ${status}`)
    const [pid = 0] = running.pids
    return {
      ms: await ageMsOf(pid),
      cpuMs: (await cpuSecondsOf(running.pids)) * 1000,
      rssMib: (await memoryOf(running.pids)).rssBytes / MIB,
    }
  })
}

function figureOf(subject: string, samples: readonly Sample[]): Figure {
  const runs = samples.map(({ ms }) => ms)
  const details = {
    'CPU ms': shown(median(samples.map(({ cpuMs }) => cpuMs))),
    MiB: shown(median(samples.map(({ rssMib }) => rssMib))),
  }
  return { subject, value: median(runs), runs, details }
}
