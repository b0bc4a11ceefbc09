// `dockgate retention`: removes the tags that no keep rule keeps.
import type { Command } from 'commander'
import type { RetentionReport, RetentionStep } from '../core/bundled/retention/retention.ts'
import { counted, print } from './output.ts'
import { readConfig, storesNamed, workOn, type StoreCommandOptions } from './store-work.ts'

const EXAMPLES = `
Examples:
  dockgate retention --dry-run              what the rules of stores.NAME.tags would remove
  dockgate retention main
  dockgate retention main --dry-run --json

Tags of which no keep rule speaks stay, protected and immutable ones too. The bytes are freed by garbage collection.`

interface RetentionOptions extends StoreCommandOptions {
  readonly dryRun?: true
}

export function addRetentionCommand(program: Command): void {
  program
    .command('retention')
    .description('remove the tags that no keep rule keeps')
    .argument('[store]', 'the name of a store; without one, every store that keeps pushes')
    .option('--dry-run', 'remove nothing, and say what would be removed')
    .option('-c, --config <file>', 'the configuration; without one, the built-in defaults')
    .option('--json', 'print one JSON line for each tag, and one for the result')
    .addHelpText('after', EXAMPLES)
    .action(retain)
}

async function retain(name: string | undefined, options: RetentionOptions): Promise<void> {
  const dryRun = options.dryRun === true
  for (const store of storesNamed(await readConfig(options), name)) {
    const onStep = (step: object) => {
      const { repository, tag, pushedAt } = step as RetentionStep // the operation's own steps
      print(options.json ? JSON.stringify(step) : `tag ${repository}:${tag}, pushed ${pushedAt}`)
    }
    const result = await workOn({
      store,
      operation: 'retention',
      input: { dryRun },
      isReading: dryRun,
      onStep,
    })
    const { removed, tags, repositories } = result as RetentionReport
    if (options.json) print(JSON.stringify({ store: store.name, ...result }))
    else
      print(
        `${store.name}: ${dryRun ? 'would remove' : 'removed'} ${removed} of ${counted(tags, 'tag')} ` +
          `that rules speak of, in ${repositories} repositories`,
      )
  }
}
