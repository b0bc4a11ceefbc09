// `dockgate mirror`: what can be done to what is mirrored.
import type { Command } from 'commander'
import type { TagRun } from '../core/mirror/tag-history.ts'
import { parseTag } from '../oci/reference.ts'
import { addMirrorPullCommand } from './mirror-pull.ts'
import { print } from './output.ts'
import { readConfig, type StoreCommandOptions } from './store-work.ts'

const HISTORY_EXAMPLES = `
Prints when the upstream was first and last seen to mean each digest, the oldest first, and what is held.

Examples:
  dockgate mirror history docker.io/library/alpine:3.20
  dockgate mirror history docker.io/alpine:3.20 --json     { "repository", "tag", "history": [{ "digest", … }] }`

export function addMirrorCommand(program: Command): void {
  const mirror = program.command('mirror').description('look into what is mirrored, and fetch ahead')
  mirror
    .command('history')
    .description('show what a mirrored tag meant over time')
    .argument('<image>', 'REPOSITORY:TAG, such as docker.io/library/alpine:3.20')
    .option('-c, --config <file>', 'the configuration; without one, the built-in defaults')
    .option('--json', 'print the history as JSON')
    .addHelpText('after', HISTORY_EXAMPLES)
    .action(showHistory)
  addMirrorPullCommand(mirror)
}

async function showHistory(image: string, options: StoreCommandOptions): Promise<void> {
  const colon = image.lastIndexOf(':')
  const tag = colon < 0 ? undefined : parseTag(image.slice(colon + 1))
  if (tag === undefined) throw new Error(`${JSON.stringify(image)} names no tag: write REPOSITORY:TAG`)
  const config = await readConfig(options)
  // Imported here, so that other commands do not load a mirror.
  const { mirrorHistory } = await import('../app/mirror-history.ts')
  const { repository, runs, held } = await mirrorHistory(config, image.slice(0, colon), tag)
  const history = runs.map(shown)
  const heldUntil = held && new Date(held.until).toISOString()
  const quarantine = held && { digest: held.digest, until: heldUntil }
  if (options.json) return print(JSON.stringify({ repository, tag, history, held: quarantine }, null, 2))
  if (history.length === 0) throw new Error(`nothing is known of ${repository}:${tag} yet`)
  for (const { firstSeen, lastSeen, digest } of history)
    print([firstSeen, lastSeen, digest ?? 'gone'].join('\t'))
  if (held) print(`${held.digest} is held until ${heldUntil}`)
}

interface ShownRun {
  readonly digest: string | null
  readonly firstSeen: string
  readonly lastSeen: string
}

function shown({ digest, firstSeenAt, lastSeenAt }: TagRun): ShownRun {
  return {
    digest: digest ?? null,
    firstSeen: new Date(firstSeenAt).toISOString(),
    lastSeen: new Date(lastSeenAt).toISOString(),
  }
}
