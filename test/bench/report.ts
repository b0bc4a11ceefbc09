// The figures as people and as programs read them.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { chartOf } from './chart.ts'
import type { Machine } from './machine.ts'
import type { Result, Run } from './result.ts'
import type { Verdict } from './scenario.ts'
import { shown } from './statistics.ts'

/** A table of the figures, and a line for each target. */
export function resultText({ scenario, figures, verdicts, notes, failure }: Result): string {
  if (failure !== undefined) return `${scenario.name}: ${scenario.title}\n  FAILED  ${failure}\n`
  const details = Object.keys(figures[0]?.details ?? {})
  const base = figures[0]?.value ?? NaN
  const head = ['', scenario.unit, '×', 'from', 'to', ...details]
  const rows = figures.map(({ subject, value, runs, details: extra }) => [
    subject,
    shown(value),
    shown(value / base),
    shown(Math.min(...runs)),
    shown(Math.max(...runs)),
    ...details.map((name) => extra[name] ?? ''),
  ])
  const targets = verdicts.map(
    (verdict) =>
      `  ${outcomeOf(verdict)}  ${verdict.text}: ${shown(verdict.actual)} (limit ${shown(verdict.limit)})`,
  )
  return [
    `${scenario.name}: ${scenario.title}`,
    ...aligned([head, ...rows]),
    ...targets,
    ...notes.map((note) => `  ${note}`),
    '',
  ].join('\n')
}

/** Whether a target, which is no mere goal, was not reached. */
export function isMissed({ isReached, isGoal }: Verdict): boolean {
  return !isReached && isGoal !== true
}

/** Six letters. */
function outcomeOf(verdict: Verdict): string {
  if (isMissed(verdict)) return 'MISSED'
  return verdict.isReached ? 'ok    ' : 'goal  '
}

export function machineText(machine: Machine): string {
  const { cpu, cores, memoryGib, kernel, node, openssl, nginx, dockerRegistry } = machine
  return (
    `${cpu}, ${cores} cores, ${memoryGib} GiB, Linux ${kernel}; Node ${node} (OpenSSL ${openssl}), ` +
    `nginx ${nginx}, docker-registry ${dockerRegistry}`
  )
}

/** One line: when, what and where. */
export function headingOf({ time, version, machine }: Run): string {
  return `${time.slice(0, 10)}, dockgate ${version}; ${machineText(machine)}`
}

/** Writes all of it as JSON and as a chart into `folder`; answers the paths. */
export async function writeResults(folder: string, run: Run): Promise<string[]> {
  const name = join(folder, run.time.replaceAll(':', '-').slice(0, 19))
  await mkdir(folder, { recursive: true })
  await writeFile(`${name}.json`, `${JSON.stringify(run, undefined, 2)}\n`)
  await writeFile(`${name}.svg`, chartOf(run.results, headingOf(run)))
  return [`${name}.json`, `${name}.svg`]
}

/** The first column to the left, figures to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, at) => (at === 0 ? `  ${cell.padEnd(widths[at] ?? 0)}` : cell.padStart(widths[at] ?? 0)))
      .join('  ')
      .trimEnd(),
  )
}
