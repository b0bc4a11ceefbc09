// `dockgate inspect`: what is known of a repository or of one of its images.
import type { Command } from 'commander'
import type { ImageSummary, RepositorySummary } from '../core/bundled/content-commands/inspect.ts'
import { counted, formatBytes, print } from './output.ts'
import { parseTarget, readConfig, storeOf, workOn, type StoreCommandOptions } from './store-work.ts'

const EXAMPLES = `
Examples:
  dockgate inspect team/app                 how many tags, manifests and blobs it holds
  dockgate inspect team/app:v1              type, size, platforms, parts, referrers, tags
  dockgate inspect team/app@sha256:…
  dockgate inspect team/app:v1 --json`

export function addInspectCommand(program: Command): void {
  program
    .command('inspect')
    .description('show what a repository or an image consists of')
    .argument('<image>', 'REPOSITORY, REPOSITORY:TAG or REPOSITORY@DIGEST')
    .option('-c, --config <file>', 'the configuration; without one, the built-in defaults')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', EXAMPLES)
    .action(inspect)
}

async function inspect(image: string, options: StoreCommandOptions): Promise<void> {
  const target = parseTarget(image)
  const store = storeOf(await readConfig(options), target.repository)
  const result = await workOn({ store, operation: 'inspect', input: target, isReading: true })
  if (options.json) return print(JSON.stringify(result, null, 2))
  // The operation answers one of the two, by what was asked.
  if (target.reference === undefined) explainRepository(result as RepositorySummary)
  else explainImage(result as ImageSummary)
}

function explainRepository({ repository, tags, manifests, blobs }: RepositorySummary): void {
  print(
    `${repository}: ${counted(tags, 'tag')}, ${counted(manifests, 'manifest')}, ${counted(blobs, 'blob')}`,
  )
}

function explainImage(image: ImageSummary): void {
  const lines: [string, string][] = [
    ['digest', image.digest],
    [
      'type',
      image.artifactType === undefined ? image.mediaType : `${image.mediaType} (${image.artifactType})`,
    ],
    ['size', formatBytes(image.size)],
    ...image.platforms.map((platform): [string, string] => ['platform', platform]),
    ...image.parts.map((part): [string, string] => [
      'holds',
      `${part.digest}  ${formatBytes(part.size)}  ${part.mediaType}${part.present ? '' : '  MISSING'}`,
    ]),
    ...(image.subject === undefined ? [] : [['refers to', image.subject] satisfies [string, string]]),
    ...image.referrers.map(({ digest, artifactType }): [string, string] => [
      'referrer',
      `${digest}  ${artifactType ?? ''}`.trimEnd(),
    ]),
    ...image.indexes.map((index): [string, string] => ['in index', index]),
    ['tags', image.tags.length === 0 ? 'none' : image.tags.join(', ')],
  ]
  for (const [name, value] of lines) print(`${name.padEnd(10)}${value}`)
}
