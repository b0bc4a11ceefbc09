// Mirrors on a store with limits: what goes, what stays, and what clients notice of it.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { noPeers, type Peers } from '../../../../src/cache/peers.ts'
import { ContentStore } from '../../../../src/core/content/content-store.ts'
import { StoreUpkeep, type StoreLimits } from '../../../../src/core/mirror/eviction/store-upkeep.ts'
import { STORE_USAGE, type StoreUsage } from '../../../../src/core/mirror/eviction/store-usage.ts'
import type { Tag } from '../../../../src/oci/reference.ts'
import { FilesystemDriver } from '../../../../src/storage/filesystem.ts'
import { tag } from '../../content/content.ts'
import { startHub, type Hub } from '../../../support/hub.ts'
import { imageOf, multiArch, type Image } from '../../../support/images.ts'
import { known } from '../../../support/known.ts'
import { atEnd, temporaryFolder, type Scope } from '../../../support/scope.ts'
import { until } from '../../../support/until.ts'
import { ALPINE, CONTEXT, HOUR_MS, readBlob, startMirror, type MirrorFixture } from '../mirror-fixture.ts'

const LAYER = 200_000
const [ONE, TWO, THREE] = [tag('1'), tag('2'), tag('3')]
const images = new Map([ONE, TWO, THREE].map((each) => [each, imageOf({ seed: each, layerBytes: LAYER })]))

interface Watched extends MirrorFixture {
  readonly upkeep: StoreUpkeep
  readonly hub: Hub
  readonly pull: (name: Tag) => Promise<void>
  /** Whether a pull needs no upstream. */
  readonly holds: (name: Tag) => Promise<boolean>
}

interface Setting {
  readonly limits?: Partial<StoreLimits>
  readonly peers?: Peers
  readonly root?: string
  readonly hub?: Hub
  readonly clock?: { now: number }
}

async function startWatched(t: Scope, setting: Setting = {}): Promise<Watched> {
  const tags = Object.fromEntries([...images].map(([name, image]) => [`library/alpine:${name}`, image]))
  const { hub = await startHub(t, { images: tags }), root = await temporaryFolder(t) } = setting
  const { clock = { now: Date.now() }, peers = noPeers() } = setting
  const content = new ContentStore(new FilesystemDriver({ root, fsync: false }))
  const upkeep = await StoreUpkeep.open({
    name: 'mirror',
    content,
    limits: { maxBytes: undefined, unusedAfterMs: undefined, pins: [], ...setting.limits },
    peers,
    lockFile: join(root, '_spool', 'evicting'),
    now: () => clock.now,
  })
  const mirror = await startMirror(t, hub.url, { root, content, watch: upkeep, now: () => clock.now })
  atEnd(t, () => upkeep.close())
  const pull = async (name: Tag): Promise<void> => {
    clock.now += HOUR_MS / 2
    await mirror.registry.getManifest(ALPINE, name)
    for (const { digest } of known(images.get(name)).blobs) {
      await readBlob(await mirror.registry.openBlob(ALPINE, digest, CONTEXT))
      await until('the blob is kept', () => content.blobs.find(ALPINE, digest))
    }
  }
  const holds = async (name: Tag): Promise<boolean> => {
    const { manifest, blobs } = known(images.get(name))
    const found = await Promise.all(blobs.map(({ digest }) => content.blobs.find(ALPINE, digest)))
    const isTagged = (await content.tags.resolve(ALPINE, name)) === manifest.digest
    const isHere = isTagged && (await content.manifests.read(ALPINE, manifest.digest)) !== undefined
    const isWhole = found.every((blob) => blob !== undefined)
    assert.equal(isHere, isWhole, 'an image goes as a whole')
    return isWhole
  }
  return { ...mirror, clock, upkeep, hub, pull, holds }
}

function downloads(hub: Hub): number {
  return hub.received({ server: 'cdn', method: 'GET' }).length
}

test('beyond its size a store lets go of the image that was pulled the longest ago', async (t) => {
  const { pull, holds, upkeep, content } = await startWatched(t, { limits: { maxBytes: 2.5 * LAYER } })
  for (const each of [ONE, TWO, ONE, THREE]) await pull(each)
  await until('the tag goes', async () => (await content.tags.resolve(ALPINE, TWO)) === undefined)
  await upkeep.check() // the one that runs
  assert.deepEqual([await holds(ONE), await holds(TWO), await holds(THREE)], [true, false, true])
  await pull(TWO)
  await until('it came back', () => holds(TWO))
})

test('after a restart it is known what was pulled when', async (t) => {
  const first = await startWatched(t)
  for (const each of [ONE, TWO, THREE, ONE]) await first.pull(each)
  await first.registry.close()
  await first.upkeep.close()
  const { root, hub, clock } = first
  const limits = { maxBytes: 2.5 * LAYER }
  const { holds, upkeep } = await startWatched(t, { root, hub, clock, limits })
  await upkeep.check()
  assert.deepEqual([await holds(ONE), await holds(TWO), await holds(THREE)], [true, false, true])
})

test('layers that images share go with the last of them', async (t) => {
  const sharing = { seed: 'shared', layerBytes: LAYER, layers: 2 }
  const [old, young] = [imageOf(sharing), imageOf({ ...sharing, annotations: { build: 'young' } })]
  const { registry, content, clock, upkeep, hub } = await startWatched(t, {
    limits: { unusedAfterMs: 2 * HOUR_MS },
  })
  const pull = async (name: string, { blobs }: Image): Promise<void> => {
    await registry.getManifest(ALPINE, tag(name))
    for (const { digest } of blobs) {
      await readBlob(await registry.openBlob(ALPINE, digest, CONTEXT))
      await until('the blob is kept', () => content.blobs.find(ALPINE, digest))
    }
  }
  hub.add('library/alpine:old', old)
  hub.add('library/alpine:young', young)
  await pull('old', old)
  clock.now += 1.5 * HOUR_MS
  await pull('young', young)
  clock.now += HOUR_MS
  await upkeep.check()
  assert.equal(await content.manifests.has(ALPINE, old.manifest.digest), false)
  for (const { digest } of young.blobs) assert(await content.blobs.find(ALPINE, digest))
  clock.now += 2 * HOUR_MS
  await upkeep.check()
  for (const { digest } of young.blobs) assert.equal(await content.blobs.stat(digest), undefined)
})

test('what nobody pulled for long goes, and what is pinned stays', async (t) => {
  const limits = { unusedAfterMs: 10 * HOUR_MS, pins: ['docker.io/library/*:1'] }
  const { pull, holds, upkeep, clock } = await startWatched(t, { limits })
  for (const each of [ONE, TWO, THREE]) await pull(each)
  clock.now += 8 * HOUR_MS
  await pull(THREE)
  clock.now += 4 * HOUR_MS
  await upkeep.check()
  assert.deepEqual([await holds(ONE), await holds(TWO), await holds(THREE)], [true, false, true])
})

test('who asks for an index keeps its images', async (t) => {
  const { registry, content, upkeep, clock, hub } = await startWatched(t, {
    limits: { unusedAfterMs: 2 * HOUR_MS },
  })
  const index = multiArch({ seed: 'index' })
  hub.add('library/alpine:index', index)
  const image = known(index.images[0])
  await registry.getManifest(ALPINE, tag('index'))
  await registry.getManifest(ALPINE, image.manifest.digest)
  for (let round = 0; round < 3; round += 1) {
    clock.now += HOUR_MS
    await registry.getManifest(ALPINE, tag('index'))
  }
  await upkeep.check()
  assert.equal(await content.manifests.has(ALPINE, image.manifest.digest), true)
})

test('a blob that a client reads stays until it is done, in another process as well', async (t) => {
  const among = new Set<string>()
  const peers = { ...noPeers(), ask: async () => [[...among]] }
  const { registry, content, pull, clock, upkeep } = await startWatched(t, {
    limits: { unusedAfterMs: HOUR_MS },
    peers,
  })
  await pull(ONE)
  const [layer, config] = [known(images.get(ONE)?.layers[0]), known(images.get(ONE)).config]
  const open = await registry.openBlob(ALPINE, layer.digest, CONTEXT)
  among.add(config.digest)
  clock.now += 2 * HOUR_MS
  await upkeep.check()
  assert(await content.blobs.stat(config.digest))
  assert((await readBlob(open)).equals(layer.bytes))
  among.clear()
  await upkeep.check()
  assert.equal(await content.blobs.stat(layer.digest), undefined)
  assert.equal(await content.blobs.stat(config.digest), undefined)
})

test('a blob that is evicted between finding and reading it is fetched again', async (t) => {
  const { registry, content, pull, hub } = await startWatched(t)
  await pull(ONE)
  const layer = known(images.get(ONE)?.layers[0])
  const before = downloads(hub)
  const open = await registry.openBlob(ALPINE, layer.digest, CONTEXT)
  await content.driver.delete(`docker/registry/v2/blobs/sha256/${layer.digest.slice(7, 9)}`)
  assert((await readBlob(open)).equals(layer.bytes))
  assert.equal(downloads(hub), before + 1)
})

test('an evicted manifest is not answered from memory, and its tag is asked for anew', async (t) => {
  const { registry, pull, clock, upkeep, hub } = await startWatched(t, { limits: { unusedAfterMs: HOUR_MS } })
  await pull(ONE)
  clock.now += 2 * HOUR_MS
  await upkeep.check()
  hub.forgetRequests()
  assert.equal((await registry.getManifest(ALPINE, ONE)).cache, 'miss')
  assert.equal(hub.received({ server: 'registry', method: 'GET', path: /manifests/ }).length, 1)
})

test('what is larger than the store is streamed and not kept', async (t) => {
  const { registry, content, holds, pull, hub } = await startWatched(t, { limits: { maxBytes: 1.5 * LAYER } })
  const large = imageOf({ seed: 'large', layerBytes: 2 * LAYER })
  hub.add('library/alpine:large', large)
  await pull(ONE)
  const layer = known(large.layers[0])
  const blob = await registry.openBlob(ALPINE, layer.digest, CONTEXT)
  assert((await readBlob(blob)).equals(layer.bytes))
  assert.equal(await content.blobs.stat(layer.digest), undefined)
  assert(await holds(ONE))
})

test('how full the store is, and what went, is told', async (t) => {
  const told: StoreUsage[] = []
  const listen = (message: unknown): void => void told.push(message as StoreUsage)
  STORE_USAGE.subscribe(listen)
  t.after(() => STORE_USAGE.unsubscribe(listen))
  const { pull, clock, upkeep } = await startWatched(t, {
    limits: { maxBytes: 10 * LAYER, unusedAfterMs: HOUR_MS },
  })
  await pull(ONE)
  await upkeep.check()
  const full = known(told.at(-1))
  assert.equal(full.store, 'mirror')
  assert.equal(full.maxBytes, 10 * LAYER)
  assert(full.bytes > LAYER && full.bytes < 2 * LAYER, String(full.bytes))
  clock.now += 2 * HOUR_MS
  await upkeep.check()
  assert.deepEqual(known(told.at(-1)), { ...full, bytes: 0, evicted: { manifests: 1, bytes: full.bytes } })
})
