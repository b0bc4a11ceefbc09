// `dockgate gc`: frees what no manifest needs.
import { InvalidArgumentError, type Command } from 'commander'
import { DURATION, parseDurationMs } from '../config/quantities.ts'
import type { GcReport, GcStep } from '../core/bundled/gc/gc-run.ts'
import { counted, formatBytes, print } from './output.ts'
import { Progress, type ProgressText } from './progress.ts'
import { readConfig, storesNamed, workOn, type StoreCommandOptions } from './store-work.ts'

const EXAMPLES = `
Examples:
  dockgate gc --dry-run                     what would be freed in every store that keeps pushes
  dockgate gc main                          blobs that no manifest names, of deleted manifests and of pushes that ended early
  dockgate gc main --untagged               also manifests that no tag, no index and no subject keeps
  dockgate gc main --dry-run --json

A running gateway does the work itself, while it serves. What was pushed, or asked for, within stores.NAME.gc.grace stays.
Ctrl-C ends it; what is left then goes the next time.`

interface GcOptions extends StoreCommandOptions {
  readonly dryRun?: true
  readonly untagged?: true
  readonly grace?: number
}

export function addGcCommand(program: Command): void {
  program
    .command('gc')
    .description('free what no manifest needs')
    .argument('[store]', 'the name of a store; without one, every store that keeps pushes')
    .option('--dry-run', 'remove nothing, and say what would be removed')
    .option('--untagged', 'also remove manifests that no tag, no index and no subject keeps')
    .option(
      '--grace <duration>',
      'a shorter grace than the configured one; running pushes may fail',
      parseGrace,
    )
    .option('-c, --config <file>', 'the configuration; without one, the built-in defaults')
    .option('--json', 'print one JSON line for each thing removed, and one for the result')
    .addHelpText('after', EXAMPLES)
    .action(collect)
}

async function collect(name: string | undefined, options: GcOptions): Promise<void> {
  const dryRun = options.dryRun === true
  const input = { dryRun, untagged: options.untagged === true, ...graceOf(options) }
  const progress = new Progress({ stream: process.stderr })
  for (const store of storesNamed(await readConfig(options), name)) {
    const onStep = (each: object) => {
      const step = each as GcStep // the operation's own steps
      if ('phase' in step) return progress.step(step, explainPhase(store.name, step))
      if (!dryRun && !options.json) return
      progress.clear()
      print(options.json ? JSON.stringify(step) : explainRemoval(step))
    }
    const work = { store, operation: 'gc', input, isReading: dryRun, onStep }
    const result = (await workOn(work)) as GcReport // what the operation answers
    progress.clear()
    print(options.json ? JSON.stringify({ store: store.name, ...result }) : explain(store.name, result))
  }
}

function graceOf({ grace }: GcOptions): { graceMs?: number } {
  return grace === undefined ? {} : { graceMs: grace }
}

function parseGrace(text: string): number {
  if (!DURATION.test(text)) throw new InvalidArgumentError('It must be a duration such as 10m.')
  return parseDurationMs(text)
}

function explainPhase(
  store: string,
  { phase, done, total }: Extract<GcStep, { phase: string }>,
): ProgressText {
  const text = `${store}: ${PHASES[phase]} ${counted(done, 'blob')}${total === undefined ? '' : ` of ${total}`}`
  return { fraction: total === undefined ? undefined : done / Math.max(1, total), text }
}

const PHASES = { list: 'found', mark: 'needed', sweep: 'looked through' }

function explainRemoval(step: Exclude<GcStep, { phase: string }>): string {
  return 'blob' in step
    ? `blob ${step.blob}, ${formatBytes(step.bytes)}`
    : `manifest ${step.repository}@${step.manifest}`
}

function explain(store: string, report: GcReport): string {
  const { dryRun, removedManifests, removedBlobs, freedBytes, waitingBlobs } = report
  const removed = [
    ...(report.untagged ? [`${removedManifests} of ${counted(report.manifests, 'manifest')}`] : []),
    `${removedBlobs} of ${counted(report.blobs, 'blob')}`,
  ]
  const waiting = waitingBlobs > 0 ? `; ${counted(waitingBlobs, 'blob')} more, once the grace is over` : ''
  return `${store}: ${dryRun ? 'would free' : 'freed'} ${formatBytes(freedBytes)}, ${removed.join(' and ')}${waiting}`
}
