// The figures as people and as programs read them.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Machine } from './machine.ts'
import type { Options } from './options.ts'
import type { Figure, Scenario, Verdict } from './scenario.ts'
import { shown } from './statistics.ts'

export interface Result {
  readonly scenario: Pick<Scenario, 'name' | 'title' | 'unit'>
  readonly figures: readonly Figure[]
  readonly verdicts: readonly Verdict[]
  /** What has to be known of the figures, such as systems that are left out. */
  readonly notes: readonly string[]
}

/** A table of the figures, and a line for each target. */
export function resultText({ scenario, figures, verdicts, notes }: Result): string {
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

/** Six letters. */
function outcomeOf({ isReached, isGoal }: Verdict): string {
  if (isReached) return 'ok    '
  return isGoal === true ? 'goal  ' : 'MISSED'
}

export function machineText(machine: Machine): string {
  const { cpu, cores, memoryGib, kernel, node, openssl, nginx, dockerRegistry } = machine
  return (
    `${cpu}, ${cores} cores, ${memoryGib} GiB, Linux ${kernel}; Node ${node} (OpenSSL ${openssl}), ` +
    `nginx ${nginx}, docker-registry ${dockerRegistry}\n`
  )
}

/** Writes all of it as JSON into `folder`; answers the path. */
export async function writeResults(
  folder: string,
  all: { machine: Machine; options: Options; results: readonly Result[] },
): Promise<string> {
  const time = new Date().toISOString()
  const file = join(folder, `${time.replaceAll(':', '-').slice(0, 19)}.json`)
  await mkdir(folder, { recursive: true })
  await writeFile(file, `${JSON.stringify({ time, ...all }, undefined, 2)}\n`)
  return file
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
