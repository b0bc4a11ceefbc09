// The registry that mirrors fetch from, and its own count of what it sent.
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { parseTag } from '../../../src/oci/reference.ts'
import { parseRepositoryName } from '../../../src/oci/repository-name.ts'
import { imageOf, type Image } from '../../support/images.ts'
import { known } from '../../support/known.ts'
import { temporaryFolder, type Scope } from '../../support/scope.ts'
import { startRegistry } from '../systems/docker-registry.ts'
import type { StoredBlob } from './content.ts'
import { storeBlob, storeImage } from './stored-image.ts'

export const UPSTREAM_TAG = '1.0'
const LAYERS = 5
const QUIET_MS = 200
const LAYER_BYTES = 2 * 1024 ** 2

export interface Sent {
  readonly requests: number
  /** Of bodies. */
  readonly bytes: number
}

export interface UpstreamImage {
  readonly repository: string
  readonly image: Image
}

export interface Upstream {
  /** Plain HTTP. */
  readonly url: string
  /** Five layers of 2 MiB each; no two share one. */
  readonly images: readonly UpstreamImage[]
  /** In the repository of {@link images}' first. */
  readonly blobs: readonly StoredBlob[]
  /** Up to now; once it has had nothing to do for a moment, so that nobody answers for what others asked. */
  sent(): Promise<Sent>
}

/** registry:2, open to all, with so many images, and single blobs of `blobBytes`. */
export async function startUpstream(
  t: Scope,
  { images, blobs = 0, blobBytes = 0 }: { images: number; blobs?: number; blobBytes?: number },
): Promise<Upstream> {
  const root = await temporaryFolder(t)
  const held: UpstreamImage[] = []
  for (let index = 0; index < images; index += 1) {
    const repository = known(parseRepositoryName(`cold/app-${index}`))
    const image = imageOf({ seed: repository, layers: LAYERS, layerBytes: LAYER_BYTES })
    await storeImage({ root, repository }, image, known(parseTag(UPSTREAM_TAG)))
    held.push({ repository, image })
  }
  const first = { root, repository: known(parseRepositoryName('cold/app-0')) }
  const single: StoredBlob[] = []
  for (let index = 0; index < blobs; index += 1)
    single.push(await storeBlob(first, blobBytes, `single ${index}`))
  const { url, logFile = '' } = await startRegistry(t, { root })
  return {
    url,
    images: held,
    blobs: single,
    sent: () => onceQuiet(async () => sentAccordingTo(await readFile(logFile, 'utf8'))),
  }
}

async function onceQuiet(read: () => Promise<Sent>): Promise<Sent> {
  let before = await read()
  for (;;) {
    await pause(QUIET_MS)
    const now = await read()
    if (now.requests === before.requests) return now
    before = now
  }
}

/** From an access log in Apache's combined format, which registry:2 writes. */
export function sentAccordingTo(accessLog: string): Sent {
  const sizes = [...accessLog.matchAll(/" \d{3} (\d+) "/g)].map(([, size]) => Number(size))
  return { requests: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) }
}
