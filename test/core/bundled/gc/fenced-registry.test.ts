// Requests that meet a deletion, of the sweep or of a client, at the worst moment.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StorageDriver } from '../../../../src/storage/driver.ts'
import { blobFolder, revisionFolder } from '../../../../src/core/content/layout.ts'
import { imageOf, multiArch } from '../../../support/images.ts'
import { repository, tag } from '../../content/content.ts'
import { bodyOf, CONTEXT, pushBlob, pushBlobs, readBlob } from '../bundled.ts'
import { collect, HOUR, push, startCollected } from './collected.ts'

const TEAM = repository('team/app')
const OTHER = repository('other')

/** Calls `meanwhile` when `path` is about to be deleted, and goes on when that resolves. */
function beforeDelete(driver: StorageDriver, path: string, meanwhile: () => Promise<void>): void {
  const original = driver.delete.bind(driver)
  driver.delete = async (deleted) => {
    if (deleted === path) {
      driver.delete = original
      await meanwhile()
    }
    await original(deleted)
  }
}

/** Long enough for a request that is not held up. */
async function aWhile(driver: StorageDriver): Promise<void> {
  for (let round = 0; round < 100; round += 1) for await (const _ of driver.list('docker')) break
}

test('a manifest whose blob is being swept is refused, never kept', async (t) => {
  const store = await startCollected(t)
  const image = imageOf()
  await pushBlobs(store, TEAM, image)
  store.pass(3 * HOUR)
  const refused: Promise<void>[] = []
  beforeDelete(store.driver, blobFolder(image.config.digest), async () => {
    const pushed = store.registry.putManifest(TEAM, tag('v1'), bodyOf(image.manifest), CONTEXT)
    refused.push(assert.rejects(pushed, { code: 'MANIFEST_BLOB_UNKNOWN' }))
    await aWhile(store.driver)
  })
  await collect(store)
  assert.equal(refused.length, 1)
  await Promise.all(refused)
})

test('a blob that is asked for, mounted or pushed while it is swept is missing, or there to stay', async (t) => {
  const store = await startCollected(t)
  const image = imageOf()
  const { config } = image
  await pushBlobs(store, TEAM, image)
  await push(store, OTHER, imageOf({ seed: 'other' }), tag('v1'))
  store.pass(3 * HOUR)
  const results: Promise<unknown>[] = []
  beforeDelete(store.driver, blobFolder(config.digest), async () => {
    results.push(
      assert.rejects(store.registry.statBlob(TEAM, config.digest, CONTEXT), { code: 'BLOB_UNKNOWN' }),
      assert.rejects(store.registry.openBlob(TEAM, config.digest, CONTEXT), { code: 'BLOB_UNKNOWN' }),
      store.uploads.mount(OTHER, config.digest, TEAM, CONTEXT).then((is) => assert.equal(is, false)),
      pushBlob(store, OTHER, config),
    )
    await aWhile(store.driver)
  })
  await collect(store)
  assert.equal(results.length, 4)
  await Promise.all(results)
  assert.deepEqual(await readBlob(store, OTHER, config.digest), config.bytes)
})

test('a manifest that is pulled while it is removed is gone for the caches too', async (t) => {
  const store = await startCollected(t)
  const { manifest } = multiArch()
  await store.registry.putManifest(TEAM, manifest.digest, bodyOf(manifest), CONTEXT)
  await store.registry.getManifest(TEAM, manifest.digest, CONTEXT)
  store.pass(3 * HOUR)
  const pulls: Promise<void>[] = []
  beforeDelete(store.driver, revisionFolder(TEAM, manifest.digest), async () => {
    const pulled = store.registry.getManifest(TEAM, manifest.digest, CONTEXT)
    pulls.push(assert.rejects(pulled, { code: 'MANIFEST_UNKNOWN' }))
    await aWhile(store.driver)
  })
  await collect(store, { untagged: true })
  assert.equal(pulls.length, 1)
  await Promise.all(pulls)
})

test('memory does not answer at once what is being swept, and what it answers is leased', async (t) => {
  const store = await startCollected(t)
  const { manifest } = multiArch()
  await store.registry.putManifest(TEAM, manifest.digest, bodyOf(manifest), CONTEXT)
  await store.registry.getManifest(TEAM, manifest.digest, CONTEXT)
  const peek = () => store.registry.peekManifest?.(TEAM, manifest.digest, CONTEXT)
  store.pass(3 * HOUR)
  assert.equal(peek()?.manifest.digest, manifest.digest)
  assert.equal((await collect(store, { untagged: true })).removedManifests, 0)
  store.pass(3 * HOUR)
  const peeked: unknown[] = []
  beforeDelete(store.driver, revisionFolder(TEAM, manifest.digest), async () => void peeked.push(peek()))
  await collect(store, { untagged: true })
  assert.deepEqual([...peeked, peek()], [undefined, undefined])
})

test('a tag that is pushed while its manifest is deleted by digest ends with its manifest', async (t) => {
  const store = await startCollected(t)
  const { manifest } = multiArch()
  await store.registry.putManifest(TEAM, tag('v1'), bodyOf(manifest), CONTEXT)
  const pushes: Promise<unknown>[] = []
  beforeDelete(store.driver, revisionFolder(TEAM, manifest.digest), async () => {
    pushes.push(store.registry.putManifest(TEAM, tag('v2'), bodyOf(manifest), CONTEXT))
    await aWhile(store.driver)
  })
  await store.registry.deleteManifest(TEAM, manifest.digest, CONTEXT)
  await Promise.all(pushes)
  const pulled = await store.registry.getManifest(TEAM, tag('v2'), CONTEXT)
  assert.equal(pulled.manifest.digest, manifest.digest)
  await assert.rejects(store.registry.getManifest(TEAM, tag('v1'), CONTEXT), { code: 'MANIFEST_UNKNOWN' })
})

test('what a manifest names stays for the grace after the manifest was deleted: a pull may be under way', async (t) => {
  const store = await startCollected(t)
  const image = imageOf()
  await push(store, TEAM, image, tag('v1'))
  store.pass(3 * HOUR)
  await store.registry.getManifest(TEAM, tag('v1'), CONTEXT)
  await store.registry.deleteManifest(TEAM, image.manifest.digest, CONTEXT)
  assert.equal((await collect(store)).removedBlobs, 0)
  for (const { digest, bytes } of image.blobs) assert.deepEqual(await readBlob(store, TEAM, digest), bytes)
  store.pass(3 * HOUR)
  assert.equal((await collect(store)).removedBlobs, 3)
})
