// `dockgate delete`: removes a tag, an image or a repository.
import type { Command } from 'commander'
import type { DeleteReport } from '../core/bundled/content-commands/delete.ts'
import { counted, print } from './output.ts'
import { parseTarget, readConfig, storeOf, workOn, type StoreCommandOptions } from './store-work.ts'

const EXAMPLES = `
Examples:
  dockgate delete team/app:v1               the tag alone; the image stays
  dockgate delete team/app@sha256:…         the image and its tags; --force also when an index or a referrer needs it
  dockgate delete team/app                  the whole repository
  dockgate delete team/app --dry-run        what would go

The bytes are freed by garbage collection, where nothing else needs them. Repositories below (team/app/sub) stay.`

interface DeleteOptions extends StoreCommandOptions {
  readonly dryRun?: true
  readonly force?: true
}

export function addDeleteCommand(program: Command): void {
  program
    .command('delete')
    .description('remove a tag, an image or a repository')
    .argument('<image>', 'REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST')
    .option('--dry-run', 'remove nothing, and say what would be removed')
    .option('--force', 'also what an index holds, or what others refer to')
    .option('-c, --config <file>', 'the configuration; without one, the built-in defaults')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', EXAMPLES)
    .action(remove)
}

async function remove(image: string, options: DeleteOptions): Promise<void> {
  const target = parseTarget(image)
  const store = storeOf(await readConfig(options), target.repository)
  const input = { ...target, dryRun: options.dryRun === true, force: options.force === true }
  const result = await workOn({ store, operation: 'delete', input, isReading: input.dryRun })
  if (options.json) return print(JSON.stringify(result, null, 2))
  const { tags, tagCount, manifestCount, breaks } = result as DeleteReport // what the operation answers
  for (const tag of tags) print(`tag ${target.repository}:${tag}`)
  for (const digest of breaks) print(`broken by it: ${digest}`)
  const removed = `${counted(tagCount, 'tag')} and ${counted(manifestCount, 'manifest')}`
  print(options.dryRun ? `would remove ${removed}` : `removed ${removed}`)
}
