import assert from 'node:assert/strict'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { quarantine } from '../../../../src/core/bundled/scrub/quarantine.ts'
import { scrub, type ScrubOptions, type ScrubResult } from '../../../../src/core/bundled/scrub/scrub.ts'
import { ContentStore } from '../../../../src/core/content/content-store.ts'
import { blobDataPath, quarantinePath } from '../../../../src/core/content/layout.ts'
import type { Digest } from '../../../../src/oci/digest.ts'
import { FilesystemDriver } from '../../../../src/storage/filesystem.ts'
import { imageOf, multiArch, type Image } from '../../../support/images.ts'
import { repository, tag } from '../../content/content.ts'
import { bodyOf, CONTEXT, pushBlob, pushBlobs, readBlob, startBundled, type Bundled } from '../bundled.ts'

const TEAM = repository('team/app')
const OTHER = repository('team/other')
const FAST = 2 ** 40

async function store(t: TestContext, images: Readonly<Record<string, Image>>) {
  const bundled = await startBundled(t)
  for (const [name, image] of Object.entries(images)) await push(bundled, name, image)
  return { ...bundled, content: new ContentStore(bundled.driver) }
}

async function push(bundled: Bundled, name: string, image: Image): Promise<void> {
  await pushBlobs(bundled, TEAM, image)
  await bundled.registry.putManifest(TEAM, tag(name), bodyOf(image.manifest), CONTEXT)
}

async function run(content: ContentStore, options: Partial<ScrubOptions> = {}): Promise<ScrubResult> {
  const signal = new AbortController().signal
  const steps = scrub(content, { bytesPerSecond: FAST, signal, ...options })
  for (;;) {
    const { done, value } = await steps.next()
    if (done) return value
  }
}

function damage(root: string, digest: Digest, size: number): Promise<void> {
  return writeFile(join(root, blobDataPath(digest)), Buffer.alloc(size, 7))
}

test('a store that is right is read as a whole, and nothing is moved', async (t) => {
  const image = imageOf({ layers: 3 })
  const { content } = await store(t, { v1: image })
  const { blobs, bytes, fraction, finished, damaged, affected } = await run(content)
  assert.deepEqual(
    { blobs, fraction, finished, damaged, affected },
    {
      blobs: 5,
      fraction: 1,
      finished: true,
      damaged: [],
      affected: [],
    },
  )
  assert.equal(
    bytes,
    [image.manifest, ...image.blobs].reduce((sum, { size }) => sum + size, 0),
  )
})

test('damage is moved aside, every image that it hits is named, and a push heals it', async (t) => {
  const index = multiArch()
  const bundled = await store(t, { whole: imageOf({ seed: 'whole' }) })
  const [first, second] = index.images
  assert.ok(first && second)
  for (const image of index.images) await push(bundled, image.platform.architecture, image)
  await bundled.registry.putManifest(TEAM, tag('multi'), bodyOf(index.manifest), CONTEXT)
  await pushBlob(bundled, OTHER, first.config)
  await damage(bundled.root, first.config.digest, first.config.size)
  const { damaged, affected } = await run(bundled.content)
  const movedTo = quarantinePath(first.config.digest)
  assert.deepEqual(damaged, [{ digest: first.config.digest, movedTo }])
  assert.deepEqual(affected, [
    {
      repository: TEAM,
      manifests: [first.manifest.digest, index.manifest.digest],
      tags: ['amd64', 'multi'],
    },
  ])
  assert.deepEqual(await readFile(join(bundled.root, movedTo)), Buffer.alloc(first.config.size, 7))
  await assert.rejects(bundled.registry.statBlob(TEAM, first.config.digest, CONTEXT), {
    code: 'BLOB_UNKNOWN',
  })
  await pushBlob(bundled, TEAM, first.config)
  assert.deepEqual(await readBlob(bundled, OTHER, first.config.digest), first.config.bytes)
})

test('a manifest that was cut short is found, with the tags that point to it', async (t) => {
  const image = imageOf()
  const bundled = await store(t, { v1: image, v2: image })
  await truncate(join(bundled.root, blobDataPath(image.manifest.digest)), 10)
  const { affected } = await run(bundled.content)
  assert.deepEqual(affected, [{ repository: TEAM, manifests: [image.manifest.digest], tags: ['v1', 'v2'] }])
})

test('a run that is ended goes on where it ended, and still knows what it found', async (t) => {
  const images = Array.from({ length: 6 }, (_, at) => imageOf({ seed: `image ${at}` }))
  const bundled = await store(t, Object.fromEntries(images.map((image, at) => [`v${at}`, image])))
  const digests = images.flatMap((image) => [image.manifest, ...image.blobs]).map(({ digest }) => digest)
  const first = digests.toSorted()[0]
  assert.ok(first)
  await damage(bundled.root, first, 3)
  const stopped = new AbortController()
  const steps = scrub(bundled.content, { bytesPerSecond: FAST, signal: stopped.signal })
  const step = await steps.next()
  assert.ok(!step.done && step.value.damaged.length === 1)
  stopped.abort()
  const ended = await steps.next()
  assert.ok(ended.done && !ended.value.finished && ended.value.blobs < digests.length)
  const rest = await run(bundled.content)
  assert.deepEqual([rest.finished, rest.blobs, rest.damaged.length], [true, digests.length, 1])
  const next = await run(bundled.content)
  assert.deepEqual([next.blobs, next.damaged.length], [digests.length - 1, 0])
})

test('a cursor that makes no sense begins the work anew', async (t) => {
  const bundled = await store(t, { v1: imageOf() })
  for (const text of ['', '{"sum":"","text":"{}"}', 'null', '[]']) {
    await bundled.driver.writeAll('dockgate/scrub.json', Buffer.from(text))
    assert.equal((await run(bundled.content)).blobs, 3)
  }
})

test('the rate holds', async (t) => {
  const { content } = await store(t, { v1: imageOf({ layerBytes: 200_000 }) })
  const begunAt = performance.now()
  const { bytes } = await run(content, { bytesPerSecond: 1_000_000 })
  const seconds = (performance.now() - begunAt) / 1000
  assert.ok(seconds > (bytes / 1_000_000) * 0.5, `${bytes} bytes in ${seconds} s`)
})

test('what heals a damaged blob waits until it is moved aside, and is not moved with it', async (t) => {
  const image = imageOf()
  const bundled = await store(t, { v1: image })
  const { config } = image
  await damage(bundled.root, config.digest, 3)
  const order: string[] = []
  const driver = new (class extends FilesystemDriver {
    override async copy(...args: Parameters<FilesystemDriver['copy']>): Promise<void> {
      await super.copy(...args)
      order.push('copied')
      void content.blobs.alone(config.digest, async () => void order.push('pushed'))
    }

    override async delete(...args: Parameters<FilesystemDriver['delete']>): Promise<void> {
      await super.delete(...args)
      order.push('removed')
    }
  })({ root: bundled.root, fsync: false })
  const content = new ContentStore(driver)
  await quarantine(content, config.digest)
  await content.blobs.alone(config.digest, async () => {})
  assert.deepEqual(order, ['copied', 'removed', 'pushed'])
})

test('what is right again when it is about to be moved aside stays', async (t) => {
  const image = imageOf()
  const bundled = await store(t, { v1: image })
  assert.equal(await quarantine(bundled.content, image.config.digest), undefined)
  assert.deepEqual(await readBlob(bundled, TEAM, image.config.digest), image.config.bytes)
})
