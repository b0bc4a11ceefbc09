// `dockgate tags`: the tags of a repository.
import type { Command } from 'commander'
import { print } from './output.ts'
import { parseTarget, readConfig, storeOf, workOn, type StoreCommandOptions } from './store-work.ts'

const EXAMPLES = `
Examples:
  dockgate tags team/app --config config/dockgate.yml
  dockgate tags team/app --json          [{ "tag", "digest", "pushedAt" }, …]`

interface TagsStep {
  readonly tags: readonly { readonly tag: string; readonly digest: string; readonly pushedAt: string }[]
}

export function addTagsCommand(program: Command): void {
  program
    .command('tags')
    .description('list the tags of a repository')
    .argument('<repository>', 'such as team/app')
    .option('-c, --config <file>', 'the configuration; without one, the built-in defaults')
    .option('--json', 'print the tags as JSON')
    .addHelpText('after', EXAMPLES)
    .action(listTags)
}

async function listTags(name: string, options: StoreCommandOptions): Promise<void> {
  const { repository, reference } = parseTarget(name)
  if (reference !== undefined) throw new Error(`${JSON.stringify(name)} is not the name of a repository`)
  const store = storeOf(await readConfig(options), repository)
  const found: TagsStep['tags'][number][] = []
  await workOn({
    store,
    operation: 'tags',
    input: { repository },
    isReading: true,
    onStep: (step) => found.push(...(step as TagsStep).tags), // the operation's own steps
  })
  if (options.json) return print(JSON.stringify(found, null, 2))
  for (const { tag, digest, pushedAt } of found) print([tag, digest, pushedAt].join('\t'))
}
