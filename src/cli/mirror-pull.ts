// `dockgate mirror pull`: fetches images through the mirrors before anybody asks for them.
import type { Command } from 'commander'
import type { PulledImage } from '../app/mirror-operations.ts'
import type { Config, StoreConfig } from '../config/config.ts'
import type { WarmUpStep } from '../core/warm-up.ts'
import { counted, formatBytes, print } from './output.ts'
import { Progress, type ProgressText } from './progress.ts'
import { readConfig, workOn, type StoreCommandOptions } from './store-work.ts'

const EXAMPLES = `
Examples:
  dockgate mirror pull docker.io/library/alpine:3.20 ghcr.io/acme/tool:1.2
  dockgate mirror pull docker.io/library/alpine:3.20 --platform linux/amd64,linux/arm64
  dockgate mirror pull docker.io/library/alpine:3.20 --json      one JSON line for each image

A running gateway does the work itself, as if a client had asked it. What is there already is not fetched again: Ctrl-C ends
it, and run again it goes on. By the clock: warmUp in the configuration.`

interface PullOptions extends StoreCommandOptions {
  readonly platform?: readonly string[]
}

export function addMirrorPullCommand(mirror: Command): void {
  mirror
    .command('pull')
    .description('fetch images before anybody asks for them')
    .argument('<images...>', 'such as docker.io/library/alpine:3.20; latest where there is no tag')
    .option('--platform <list>', 'of an index, the images for these alone: linux/amd64,linux/arm64', toList)
    .option('-c, --config <file>', 'the configuration; without one, the built-in defaults')
    .option('--json', 'print one JSON line for each image')
    .addHelpText('after', EXAMPLES)
    .action(pull)
}

async function pull(images: readonly string[], options: PullOptions): Promise<void> {
  const config = await readConfig(options)
  const progress = new Progress({ stream: process.stderr })
  let failures = 0
  for (const [store, wanted] of await byStore(config, images)) {
    const result = await workOn({
      store,
      operation: 'pull',
      input: { images: wanted, platforms: options.platform ?? [] },
      open: async (opened) => {
        // Imported here, so that a command which asks a running gateway does not load one.
        const { openMirrors } = await import('../app/open-mirrors.ts')
        return (await openMirrors(config, opened)).get(store.name) ?? {}
      },
      onStep: (each) => {
        const step = each as WarmUpStep & { image: string } // the operation's own steps
        progress.step(step, explainStep(step))
      },
    })
    progress.clear()
    const pulled = (result as { images: readonly PulledImage[] }).images // what the operation answers
    for (const image of pulled) print(options.json ? JSON.stringify(image) : explain(image))
    failures += pulled.filter((image) => 'error' in image).length
  }
  if (failures > 0) throw new Error(`${counted(failures, 'image')} not pulled`)
}

/** Each store's own images: another gateway may serve each of them. */
async function byStore(config: Config, images: readonly string[]): Promise<Map<StoreConfig, string[]>> {
  // Imported here, as above.
  const { buildNaming } = await import('../app/build-policy.ts')
  const { mirroredImage } = await import('../app/mirrored-image.ts')
  const naming = buildNaming(config)
  const found = new Map<StoreConfig, string[]>()
  for (const image of images) {
    const store = config.stores.get(mirroredImage(config, naming, image).store)
    if (store) found.set(store, [...(found.get(store) ?? []), image])
  }
  return found
}

function explainStep({
  image,
  blobs,
  doneBlobs,
  bytes,
  doneBytes,
}: WarmUpStep & { image: string }): ProgressText {
  const text = `${image}: ${doneBlobs} of ${counted(blobs, 'blob')}, ${formatBytes(doneBytes)} of ${formatBytes(bytes)}`
  return { fraction: bytes === 0 ? 1 : doneBytes / bytes, text }
}

function explain(pulled: PulledImage): string {
  if ('error' in pulled) return `${pulled.image}: ${pulled.error}`
  const { image, digest, manifests, blobs, bytes, fetchedBlobs, fetchedBytes } = pulled
  const fetched = `fetched ${fetchedBlobs} of ${counted(blobs, 'blob')}, ${formatBytes(fetchedBytes)} of ${formatBytes(bytes)}`
  return `${image}: ${digest}, ${counted(manifests, 'manifest')}; ${fetched}`
}

function toList(text: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, ...text.split(',').filter((each) => each !== '')]
}
