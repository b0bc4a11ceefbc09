// What a garbage collection removes, and above all what it leaves.
import assert from 'node:assert/strict'
import { readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  blobDataPath,
  blobLinkFolder,
  revisionFolder,
  tagCurrentFolder,
  tagIndexFolder,
} from '../../../../src/core/content/layout.ts'
import { linkFolderOf, readLink, writeLink } from '../../../../src/core/content/links.ts'
import { Collector } from '../../../../src/core/bundled/gc/collector.ts'
import { Fence } from '../../../../src/core/bundled/gc/fence.ts'
import { Leases } from '../../../../src/core/bundled/gc/leases.ts'
import type { Pace } from '../../../../src/core/bundled/gc/pace.ts'
import { digestOf, type Digest } from '../../../../src/oci/digest.ts'
import { contentOf, describe, imageOf, multiArch, OCI_TYPES } from '../../../support/images.ts'
import { repository, tag } from '../../content/content.ts'
import { bodyOf, CONTEXT, pushBlob, pushBlobs, readBlob } from '../bundled.ts'
import { aloneWith, collect, HOUR, push, startCollected, type Collected } from './collected.ts'

const TEAM = repository('team/app')
const OTHER = repository('other')

test('blobs of a deleted manifest go after the grace, those that another repository needs stay', async (t) => {
  const store = await startCollected(t)
  const [gone, shared] = [imageOf({ seed: 'gone' }), imageOf({ seed: 'shared' })]
  await push(store, TEAM, gone, tag('gone'))
  await push(store, TEAM, shared, tag('shared'))
  await push(store, OTHER, shared, tag('v1'))
  for (const image of [gone, shared])
    await store.registry.deleteManifest(TEAM, image.manifest.digest, CONTEXT)
  assert.equal((await collect(store)).removedBlobs, 0)
  store.pass(3 * HOUR)
  const report = await collect(store)
  assert.equal(report.removedBlobs, 3)
  assert.equal(
    report.freedBytes,
    [gone.manifest, ...gone.blobs].reduce((sum, { size }) => sum + size, 0),
  )
  assert.equal(await isStored(store, gone.config.digest), false)
  for (const { digest, bytes } of shared.blobs) assert.deepEqual(await readBlob(store, OTHER, digest), bytes)
})

test('a swept blob leaves no link in any repository', async (t) => {
  const store = await startCollected(t)
  const image = imageOf()
  for (const name of [TEAM, OTHER]) await pushBlobs(store, name, image)
  store.pass(3 * HOUR)
  assert.equal((await collect(store)).removedBlobs, 2)
  for (const name of [TEAM, OTHER])
    for (const { digest } of image.blobs)
      assert.equal(await readLink(store.driver, blobLinkFolder(name, digest)), undefined)
})

test('a blob that was never named by a manifest stays for the grace, counted from when a client was last told of it', async (t) => {
  const store = await startCollected(t)
  const image = imageOf()
  await pushBlobs(store, TEAM, image)
  store.pass(3 * HOUR)
  await store.registry.statBlob(TEAM, image.config.digest, CONTEXT)
  const report = await collect(store)
  assert.deepEqual([report.removedBlobs, report.waitingBlobs], [1, 1])
  await store.registry.statBlob(TEAM, image.config.digest, CONTEXT)
  await assert.rejects(store.registry.putManifest(TEAM, tag('v1'), bodyOf(image.manifest), CONTEXT), {
    code: 'MANIFEST_BLOB_UNKNOWN',
  })
  const [layer] = image.layers
  assert.ok(layer)
  await pushBlob(store, TEAM, layer)
  await store.registry.putManifest(TEAM, tag('v1'), bodyOf(image.manifest), CONTEXT)
})

test('mounting, pulling and finishing an upload that was here already each renew the grace', async (t) => {
  const store = await startCollected(t)
  const image = imageOf({ layers: 2 })
  await pushBlobs(store, TEAM, image)
  store.pass(3 * HOUR)
  const [mounted, pulled, pushed] = image.blobs
  assert.ok(mounted && pulled && pushed)
  await store.uploads.mount(OTHER, mounted.digest, TEAM, CONTEXT)
  await readBlob(store, TEAM, pulled.digest)
  await pushBlob(store, OTHER, pushed)
  assert.equal((await collect(store)).removedBlobs, 0)
  store.pass(3 * HOUR)
  assert.equal((await collect(store)).removedBlobs, 3)
})

test('a mount of a blob that is not there, and asking for one in vain, protect nothing', async (t) => {
  const store = await startCollected(t)
  const image = imageOf()
  await pushBlobs(store, TEAM, image)
  store.pass(3 * HOUR)
  assert.equal(await store.uploads.mount(TEAM, image.config.digest, OTHER, CONTEXT), false)
  await assert.rejects(store.registry.statBlob(OTHER, image.config.digest, CONTEXT), { code: 'BLOB_UNKNOWN' })
  assert.equal((await collect(store)).removedBlobs, 2)
})

test('a blob that is open for a pull stays until it is released, however long that takes', async (t) => {
  const store = await startCollected(t)
  const image = imageOf()
  await pushBlobs(store, TEAM, image)
  const open = await store.registry.openBlob(TEAM, image.config.digest, CONTEXT)
  store.pass(9 * HOUR)
  assert.equal((await collect(store)).removedBlobs, 1)
  assert.equal((await (await open.read()).toArray()).length, 1)
  open.release()
  store.pass(3 * HOUR)
  assert.equal((await collect(store)).removedBlobs, 1)
})

test('a dry run removes nothing and tells what a run would remove', async (t) => {
  const store = await startCollected(t)
  const [kept, old] = [imageOf({ seed: 'kept' }), imageOf({ seed: 'old' })]
  await push(store, TEAM, kept, tag('v1'))
  await push(store, TEAM, old)
  store.pass(3 * HOUR)
  const dry = await collect(store, { dryRun: true, untagged: true })
  await store.registry.getManifest(TEAM, kept.manifest.digest, CONTEXT)
  const real = await collect(store, { untagged: true })
  assert.deepEqual([dry.removedManifests, dry.removedBlobs], [1, 3])
  assert.equal(dry.freedBytes, real.freedBytes)
  assert.deepEqual(removals(dry.steps), removals(real.steps))
})

test('without being told to, no manifest is removed', async (t) => {
  const store = await startCollected(t)
  const image = imageOf()
  await push(store, TEAM, image)
  store.pass(3 * HOUR)
  const { removedManifests, removedBlobs } = await collect(store)
  assert.deepEqual([removedManifests, removedBlobs], [0, 0])
})

test('an untagged manifest goes with its blobs, its referrers and its place in the tag history', async (t) => {
  const store = await startCollected(t)
  const [old, now] = [imageOf({ seed: 'old' }), imageOf({ seed: 'now' })]
  const signature = imageOf({ seed: 'signature', subject: old.manifest })
  await push(store, TEAM, old, tag('latest'))
  await push(store, TEAM, signature)
  await push(store, TEAM, now, tag('latest'))
  store.pass(3 * HOUR)
  // In the caches, as a pull leaves it there.
  await store.registry.getManifest(TEAM, old.manifest.digest, CONTEXT)
  store.pass(3 * HOUR)
  const report = await collect(store, { untagged: true })
  assert.deepEqual([report.removedManifests, report.removedBlobs], [2, 6])
  for (const { manifest } of [old, signature])
    await assert.rejects(store.registry.getManifest(TEAM, manifest.digest, CONTEXT), {
      code: 'MANIFEST_UNKNOWN',
    })
  const history = linkFolderOf(tagIndexFolder(TEAM, tag('latest')), old.manifest.digest)
  assert.equal(await readLink(store.driver, history), undefined)
  const referrers = await store.registry.listReferrers(TEAM, old.manifest.digest, {}, CONTEXT)
  assert.deepEqual(referrers.descriptors, [])
  assert.equal((await store.registry.getManifest(TEAM, tag('latest'), CONTEXT)).cache, 'miss')
})

test('a run may rest between any two removals', async (t) => {
  let turns = 0
  const counting: Pace = async function* (items) {
    for await (const item of items) {
      turns += 1
      yield item
    }
  }
  const store = await startCollected(t, { pace: () => counting })
  for (let at = 0; at < 5; at += 1) await push(store, TEAM, imageOf({ seed: `image ${at}` }))
  store.pass(3 * HOUR)
  const signal = new AbortController().signal
  const at: Record<string, number[]> = { manifest: [], blob: [] }
  for await (const step of store.collector.collect({ dryRun: false, untagged: true, signal }))
    for (const [kind, seen] of Object.entries(at)) if (kind in step) seen.push(turns)
  assert.deepEqual([at['manifest']?.length, at['blob']?.length], [5, 15])
  for (const seen of Object.values(at)) assert.equal(new Set(seen).size, seen.length)
})

test('what a tag points to keeps its platforms and its referrers, and theirs', async (t) => {
  const store = await startCollected(t)
  const index = multiArch()
  const [amd64] = index.images
  assert.ok(amd64)
  const signature = imageOf({ seed: 'signature', subject: amd64.manifest })
  const timestamp = imageOf({ seed: 'timestamp', subject: signature.manifest })
  await push(store, TEAM, timestamp)
  await push(store, TEAM, signature)
  await push(store, TEAM, index, tag('v1'))
  store.pass(3 * HOUR)
  const report = await collect(store, { untagged: true })
  assert.deepEqual([report.manifests, report.removedManifests, report.removedBlobs], [5, 0, 0])
})

test('an untagged manifest stays for the grace after its push, after a pull, and after its tag moved on', async (t) => {
  const store = await startCollected(t, { graceMs: HOUR })
  const [moved, pulled, next] = ['moved', 'pulled', 'next'].map((seed) => imageOf({ seed }))
  assert.ok(moved && pulled && next)
  await push(store, TEAM, moved, tag('latest'))
  await push(store, TEAM, pulled)
  assert.equal((await collect(store, { untagged: true })).removedManifests, 0)
  // Long ago, in a process that is gone.
  const restarted = await startCollected(t, { root: store.root })
  await push(restarted, TEAM, next, tag('latest'))
  restarted.pass(HOUR / 2)
  const later = await startCollected(t, { root: store.root })
  assert.equal((await collect(later, { untagged: true })).removedManifests, 0)
  later.pass(3 * HOUR)
  await later.registry.getManifest(TEAM, pulled.manifest.digest, CONTEXT)
  assert.deepEqual(manifestsOf(await collect(later, { untagged: true })), [moved.manifest.digest])
  later.pass(3 * HOUR)
  assert.deepEqual(manifestsOf(await collect(later, { untagged: true })), [pulled.manifest.digest])
})

test('what a tag pointed to until lately stays, however long ago it was pushed', async (t) => {
  const store = await startCollected(t)
  const [old, moved] = [imageOf({ seed: 'old' }), imageOf({ seed: 'moved' })]
  for (const image of [old, moved]) await push(store, TEAM, image, tag('latest'))
  const [longAgo, lately] = [new Date(Date.now() - 9 * HOUR), new Date(Date.now() - HOUR / 2)]
  for (const { manifest } of [old, moved])
    await utimes(join(store.root, revisionFolder(TEAM, manifest.digest), 'link'), longAgo, longAgo)
  const current = join(store.root, tagCurrentFolder(TEAM, tag('latest')), 'link')
  await utimes(current, lately, lately)
  const restarted = await startCollected(t, { root: store.root })
  assert.deepEqual(manifestsOf(await collect(restarted, { untagged: true })), [])
  await utimes(current, longAgo, longAgo)
  assert.deepEqual(manifestsOf(await collect(restarted, { untagged: true })), [old.manifest.digest])
})

test('an index that a client asks for while its removal is under way stays with all that it names', async (t) => {
  const store = await startCollected(t)
  const [first, second] = [multiArch({ seed: 'first' }), multiArch({ seed: 'second' })]
  for (const index of [first, second]) await push(store, TEAM, index)
  store.pass(3 * HOUR)
  const { signal } = new AbortController()
  const run = store.collector.collect({ dryRun: false, untagged: true, signal })
  const removed: Digest[] = []
  let asked: (typeof first)[] = []
  for (let next = await run.next(); !next.done; next = await run.next()) {
    if (!('manifest' in next.value)) continue
    removed.push(next.value.manifest)
    if (asked.length > 0) continue
    asked = [first, second].filter(({ manifest }) => manifest.digest !== removed[0])
    for (const { manifest } of asked) await store.registry.getManifest(TEAM, manifest.digest, CONTEXT)
  }
  const [kept] = asked
  assert.ok(kept)
  assert.equal(removed.length, 3)
  for (const { manifest } of [kept, ...kept.images])
    await store.registry.getManifest(TEAM, manifest.digest, CONTEXT)
  for (const { blobs } of kept.images)
    for (const { digest, bytes } of blobs) assert.deepEqual(await readBlob(store, TEAM, digest), bytes)
})

test('what is pushed while a run is under way outlives it, though its blobs were garbage when the run began', async (t) => {
  const store = await startCollected(t)
  const [image, garbage] = [imageOf({ seed: 'image' }), imageOf({ seed: 'garbage' })]
  for (const each of [image, garbage]) await pushBlobs(store, TEAM, each)
  store.pass(3 * HOUR)
  const { signal } = new AbortController()
  const run = store.collector.collect({ dryRun: false, untagged: true, signal })
  const first = await run.next()
  assert.ok(!first.done && 'blob' in first.value)
  const swept = first.value.blob
  const survivor = [image, garbage].find(({ blobs }) => blobs.every(({ digest }) => digest !== swept))
  assert.ok(survivor)
  await store.registry.putManifest(TEAM, tag('v1'), bodyOf(survivor.manifest), CONTEXT)
  // A run may take longer than the grace.
  store.pass(9 * HOUR)
  while (!(await run.next()).done);
  for (const { digest, bytes } of survivor.blobs) assert.deepEqual(await readBlob(store, TEAM, digest), bytes)
})

test('a run that is aborted, or killed while it deletes, is made good by the next one', async (t) => {
  const store = await startCollected(t)
  const images = ['a', 'b', 'c'].map((seed) => imageOf({ seed }))
  for (const image of images) await push(store, TEAM, image)
  await push(store, TEAM, imageOf({ seed: 'kept' }), tag('v1'))
  store.pass(3 * HOUR)
  const stop = new AbortController()
  const run = store.collector.collect({ dryRun: false, untagged: true, signal: stop.signal })
  for (let next = await run.next(); !next.done && !('blob' in next.value); next = await run.next());
  stop.abort()
  await assert.rejects(run.next(), { name: 'AbortError' })
  // Killed between the data and its folder.
  const half = images
    .flatMap(({ blobs }) => blobs)
    .map(({ digest }) => join(store.root, blobDataPath(digest)))
  for (const path of half.slice(0, 2)) await rm(path, { force: true })
  await collect(store, { untagged: true })
  const blobs = await collect(store, { dryRun: true, untagged: true })
  assert.deepEqual([blobs.blobs, blobs.removedBlobs, blobs.waitingBlobs], [3, 0, 0])
})

test('after a start nothing is swept until the grace has passed: an earlier process may have confirmed it', async (t) => {
  const store = await startCollected(t)
  await pushBlobs(store, TEAM, imageOf())
  let passed = 2 * HOUR
  const now = () => Date.now() + passed
  const fence = new Fence(new Leases({ graceMs: HOUR, now }))
  const collector = new Collector({ content: store.content, fence: aloneWith(fence), now })
  await assert.rejects(collect({ collector }), { code: 'GC_REFUSED' })
  assert.equal((await collect({ collector }, { dryRun: true })).removedBlobs, 2)
  passed += HOUR + 1
  assert.equal((await collect({ collector })).removedBlobs, 2)
})

test('a run ends before its next removal when another process begins to serve the store', async (t) => {
  const store = await startCollected(t)
  await push(store, TEAM, imageOf())
  store.pass(3 * HOUR)
  const objections: string[] = []
  const now = () => Date.now() + 3 * HOUR
  const collector = new Collector({
    ...store,
    fence: store.shared,
    now,
    objection: async () => objections[0],
  })
  const { signal } = new AbortController()
  const run = collector.collect({ dryRun: false, untagged: true, signal })
  assert.ok('manifest' in ((await run.next()).value ?? {}))
  objections.push('another gateway serves this store')
  await assert.rejects(run.next(), { code: 'GC_REFUSED', message: objections[0] })
  assert.equal((await collect({ collector: store.collector }, { dryRun: true })).removedBlobs, 3)
})

test('a second run of the same store is refused while one is under way', async (t) => {
  const store = await startCollected(t)
  await push(store, TEAM, imageOf())
  store.pass(3 * HOUR)
  const { signal } = new AbortController()
  const run = store.collector.collect({ dryRun: false, untagged: true, signal })
  await run.next()
  await assert.rejects(collect(store), { code: 'GC_REFUSED' })
  await run.return({} as never)
  await collect(store)
})

test('a damaged manifest keeps every blob of its repository, and a damaged tagged one every manifest', async (t) => {
  const store = await startCollected(t)
  const [damaged, other, elsewhere] = ['damaged', 'other', 'elsewhere'].map((seed) => imageOf({ seed }))
  assert.ok(damaged && other && elsewhere)
  await push(store, TEAM, damaged, tag('v1'))
  await push(store, TEAM, other)
  await push(store, OTHER, elsewhere)
  await writeFile(join(store.root, blobDataPath(damaged.manifest.digest)), 'torn')
  const restarted = await startCollected(t, { root: store.root })
  restarted.pass(3 * HOUR)
  const report = await collect(restarted, { untagged: true })
  assert.deepEqual(manifestsOf(report), [elsewhere.manifest.digest])
  for (const { digest, bytes } of [...damaged.blobs, ...other.blobs])
    assert.deepEqual(await readBlob(restarted, TEAM, digest), bytes)
  await restarted.registry.putManifest(TEAM, tag('v1'), bodyOf(damaged.manifest), CONTEXT)
})

test('manifests of kinds that are refused today keep every digest that they name', async (t) => {
  const store = await startCollected(t)
  const layer = contentOf('application/octet-stream', Buffer.from('old layer'))
  const unnamed = contentOf('application/octet-stream', Buffer.from('garbage'))
  for (const blob of [layer, unnamed]) await pushBlob(store, TEAM, blob)
  const schema1 = Buffer.from(JSON.stringify({ schemaVersion: 1, fsLayers: [{ blobSum: layer.digest }] }))
  await store.content.manifests.put(TEAM, { digest: digestOf(schema1), bytes: schema1 })
  store.pass(3 * HOUR)
  assert.equal((await collect(store)).removedBlobs, 1)
  assert.deepEqual(await readBlob(store, TEAM, layer.digest), layer.bytes)
})

test('a sha512 link to bytes that registry:2 keeps under sha256 keeps them', async (t) => {
  const store = await startCollected(t)
  const image = imageOf()
  const [layer] = image.layers
  assert.ok(layer)
  await pushBlobs(store, TEAM, image)
  const alias = digestOf(layer.bytes, 'sha512')
  await writeLink(store.driver, blobLinkFolder(TEAM, alias), layer.digest)
  const json: { layers: { digest: string }[] } = JSON.parse(image.manifest.bytes.toString())
  const layers = json.layers.map((each) => ({ ...each, digest: alias }))
  const manifest = contentOf(OCI_TYPES.manifest, Buffer.from(JSON.stringify({ ...json, layers })))
  await store.registry.putManifest(TEAM, tag('v1'), bodyOf(manifest), CONTEXT)
  store.pass(3 * HOUR)
  assert.equal((await collect(store)).removedBlobs, 0)
  // Only linked: the promise that was made for the link holds for the bytes.
  await store.registry.deleteManifest(TEAM, tag('v1'), CONTEXT)
  await store.registry.deleteManifest(TEAM, manifest.digest, CONTEXT)
  store.pass(3 * HOUR)
  await store.registry.statBlob(TEAM, alias, CONTEXT)
  assert.equal((await collect(store)).removedBlobs, 2)
  assert.deepEqual(await readBlob(store, TEAM, alias), layer.bytes)
})

test('content that this version does not know stops the run before anything is removed', async (t) => {
  const store = await startCollected(t)
  await pushBlobs(store, TEAM, imageOf())
  const strange = 'docker/registry/v2/repositories/team/app/_manifests/revisions/sha384/ab/link'
  await store.driver.writeAll(strange, Buffer.from('sha384:ab'))
  store.pass(3 * HOUR)
  await assert.rejects(collect(store), { code: 'UNKNOWN_CONTENT' })
  assert.equal((await readdir(join(store.root, 'docker/registry/v2/blobs/sha256'))).length, 2)
})

test('what a manifest says of its base image keeps nothing', async (t) => {
  const store = await startCollected(t)
  const base = imageOf({ seed: 'base' })
  const annotations = { 'org.opencontainers.image.base.digest': base.manifest.digest }
  await push(store, TEAM, base)
  await push(store, TEAM, imageOf({ seed: 'app', annotations }), tag('v1'))
  store.pass(3 * HOUR)
  assert.deepEqual(manifestsOf(await collect(store, { untagged: true })), [base.manifest.digest])
})

test('the manifests of a build cache, which are blobs, stay', async (t) => {
  const store = await startCollected(t)
  const blob = contentOf('application/vnd.oci.image.layer.v1.tar+gzip', Buffer.from('cached'))
  await pushBlob(store, TEAM, blob)
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json' }
  const bytes = Buffer.from(JSON.stringify({ ...index, manifests: [describe(blob)] }))
  await store.registry.putManifest(TEAM, tag('cache'), { mediaType: index.mediaType, bytes }, CONTEXT)
  store.pass(3 * HOUR)
  assert.equal((await collect(store, { untagged: true })).removedBlobs, 0)
})

async function isStored({ content }: Collected, digest: Digest): Promise<boolean> {
  return (await content.blobs.stat(digest)) !== undefined
}

function removals(steps: readonly object[]): object[] {
  return steps.filter((step) => 'manifest' in step || 'blob' in step)
}

function manifestsOf({ steps }: { steps: readonly object[] }): unknown[] {
  return steps.flatMap((step) => ('manifest' in step ? [step.manifest] : []))
}
