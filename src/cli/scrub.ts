// `dockgate scrub`: reads everything that is stored and moves aside what is damaged.
import { InvalidArgumentError, type Command } from 'commander'
import { parseSizeBytes, SIZE } from '../config/quantities.ts'
import type { ScrubResult, ScrubStep } from '../core/bundled/scrub/scrub.ts'
import { counted, formatBytes, print } from './output.ts'
import { Progress } from './progress.ts'
import { readConfig, storesNamed, workOn, type StoreCommandOptions } from './store-work.ts'

const EXAMPLES = `
Examples:
  dockgate scrub                            every store that keeps pushes
  dockgate scrub main --rate 200MiB         one store, faster
  dockgate scrub main --json

Ctrl-C ends it; run again, it goes on where it ended. What is damaged is moved to dockgate/quarantine/ in the store's
folder: a push of the same content then heals it. The exit code is 0 only when everything was read and is right.`

interface ScrubOptions extends StoreCommandOptions {
  readonly rate: number
  readonly fresh?: true
}

export function addScrubCommand(program: Command): void {
  program
    .command('scrub')
    .description('read everything that is stored and move aside what is damaged')
    .argument('[store]', 'the name of a store; without one, every store that keeps pushes')
    .option('--rate <size>', 'at most so much a second', parseRate, parseSizeBytes('50MiB'))
    .option('--fresh', 'begin anew, also where an earlier run was ended')
    .option('-c, --config <file>', 'the configuration; without one, the built-in defaults')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', EXAMPLES)
    .action(scrub)
}

async function scrub(name: string | undefined, options: ScrubOptions): Promise<void> {
  const progress = new Progress({ stream: process.stderr })
  for (const store of storesNamed(await readConfig(options), name)) {
    const input = { bytesPerSecond: options.rate, fresh: options.fresh === true }
    const onStep = (step: object) => progress.step(step, explainStep(store.name, step as ScrubStep))
    const result = (await workOn({ store, operation: 'scrub', input, onStep })) as ScrubResult // what it answers
    progress.clear()
    if (options.json) print(JSON.stringify({ store: store.name, ...result }, null, 2))
    else explain(store.name, result)
    if (!result.finished || result.damaged.length + result.unreadable.length > 0) process.exitCode = 1
    if (!result.finished) return
  }
}

function explainStep(store: string, { blobs, bytes, fraction, damaged }: ScrubStep) {
  const bad = damaged.length > 0 ? `, ${damaged.length} damaged` : ''
  return { fraction, text: `${store}: ${counted(blobs, 'blob')}, ${formatBytes(bytes)}${bad}` }
}

function explain(
  store: string,
  { blobs, bytes, damaged, unreadable, affected, finished }: ScrubResult,
): void {
  for (const { digest, movedTo } of damaged) print(`damaged: ${digest}, moved to ${movedTo}`)
  for (const digest of unreadable) print(`unreadable: ${digest}`)
  for (const { repository, manifests, tags } of affected) {
    for (const tag of tags) print(`hit: ${repository}:${tag}`)
    if (tags.length === 0)
      print(`hit: ${repository} (${counted(manifests.length, 'manifest')} without a tag)`)
  }
  const read = `${store}: read ${counted(blobs, 'blob')}, ${formatBytes(bytes)}`
  print(finished ? read : `${read}; stopped, run the command again for the rest`)
}

function parseRate(text: string): number {
  if (!SIZE.test(text)) throw new InvalidArgumentError('It must be a size such as 50MiB.')
  return parseSizeBytes(text)
}
