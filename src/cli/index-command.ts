// `dockgate index rebuild`: makes derived data anew from what the stores hold.
import type { Command } from 'commander'
import type { RebuildReport } from '../core/bundled/content-commands/rebuild-index.ts'
import { counted, print } from './output.ts'
import { Progress } from './progress.ts'
import { readConfig, storesNamed, workOn, type StoreCommandOptions } from './store-work.ts'

const EXAMPLES = `
Examples:
  dockgate index rebuild                    every store that keeps pushes
  dockgate index rebuild main

To be run once after registry:2 has written to the folder: it takes manifests with a subject, but lists no referrers.`

export function addIndexCommand(program: Command): void {
  program
    .command('index')
    .description('look after what is derived from the stored content')
    .command('rebuild')
    .description('list every referrer anew')
    .argument('[store]', 'the name of a store; without one, every store that keeps pushes')
    .option('-c, --config <file>', 'the configuration; without one, the built-in defaults')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', EXAMPLES)
    .action(rebuild)
}

async function rebuild(name: string | undefined, options: StoreCommandOptions): Promise<void> {
  const progress = new Progress({ stream: process.stderr })
  for (const store of storesNamed(await readConfig(options), name)) {
    const onStep = (step: object) => progress.step(step, { text: explain(store.name, step as RebuildReport) })
    const result = await workOn({ store, operation: 'rebuild-index', input: {}, onStep })
    progress.clear()
    print(
      options.json
        ? JSON.stringify({ store: store.name, ...result }, null, 2)
        : explain(store.name, result as RebuildReport), // what the operation answers
    )
  }
}

function explain(store: string, { repositories, manifests, added, removed }: RebuildReport): string {
  const changed = `${counted(added, 'referrer')} added, ${removed} removed`
  return `${store}: ${counted(manifests, 'manifest')} in ${repositories} repositories, ${changed}`
}
