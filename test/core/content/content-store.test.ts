// Blobs, manifests, tags and referrers on registry:2's layout.
import assert from 'node:assert/strict'
import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { DamagedContentError } from '../../../src/core/content/manifests.ts'
import { blobDataPath, blobLinkFolder, stagingDataPath } from '../../../src/core/content/layout.ts'
import type { ContentStore } from '../../../src/core/content/content-store.ts'
import { digestOf, hexOf } from '../../../src/oci/digest.ts'
import { DOCKER_MANIFEST, DOCKER_SCHEMA1, OCI_INDEX, OCI_MANIFEST } from '../../../src/oci/media-type.ts'
import { imageOf } from '../../support/images.ts'
import { emptyContent, repository, tag } from './content.ts'

const TEAM = repository('team/app')
const OTHER = repository('team/other')
const BYTES = Buffer.from('the bytes of a blob')
const DIGEST = digestOf(BYTES)

test('a blob is kept once, and found only in repositories that hold it', async (t) => {
  const { content } = await emptyContent(t)
  await commit(content, BYTES)
  assert.deepEqual(await content.blobs.stat(DIGEST), { digest: DIGEST, size: BYTES.length })
  assert.equal(await content.blobs.find(TEAM, DIGEST), undefined)
  await content.blobs.link(TEAM, DIGEST)
  assert.deepEqual(await content.blobs.find(TEAM, DIGEST), { digest: DIGEST, size: BYTES.length })
  assert.equal(await content.blobs.find(OTHER, DIGEST), undefined)
  assert.deepEqual(await buffer(await content.blobs.read(DIGEST)), BYTES)
})

test('a blob that is unlinked stays for the others', async (t) => {
  const { content } = await emptyContent(t)
  await commit(content, BYTES)
  await content.blobs.link(TEAM, DIGEST)
  await content.blobs.link(OTHER, DIGEST)
  await content.blobs.unlink(TEAM, DIGEST)
  assert.equal(await content.blobs.find(TEAM, DIGEST), undefined)
  assert.equal((await content.blobs.find(OTHER, DIGEST))?.size, BYTES.length)
})

test('a link whose bytes a garbage collection took is no blob', async (t) => {
  const { root, content } = await emptyContent(t)
  await commit(content, BYTES)
  await content.blobs.link(TEAM, DIGEST)
  await rm(dirname(join(root, blobDataPath(DIGEST))), { recursive: true })
  assert.equal(await content.blobs.find(TEAM, DIGEST), undefined)
})

test('a commit of a blob that is there ends the session and leaves it alone, unless it was cut short', async (t) => {
  const { root, content } = await emptyContent(t)
  await commit(content, BYTES)
  await commit(content, BYTES)
  await truncate(join(root, blobDataPath(DIGEST)), 3)
  await commit(content, BYTES)
  assert.deepEqual(await buffer(await content.blobs.read(DIGEST)), BYTES)
})

test("registry:2's sha512 link to a sha256 blob is followed", async (t) => {
  const { root, content } = await emptyContent(t)
  await commit(content, BYTES)
  const alias = digestOf(BYTES, 'sha512')
  await writeLinkFile(root, blobLinkFolder(TEAM, alias), DIGEST)
  assert.deepEqual(await content.blobs.find(TEAM, alias), { digest: DIGEST, size: BYTES.length })
})

test('links hold the digest and nothing else, and one that is torn is none', async (t) => {
  const { root, content } = await emptyContent(t)
  await commit(content, BYTES)
  await content.blobs.link(TEAM, DIGEST)
  const path = `docker/registry/v2/repositories/team/app/_layers/sha256/${hexOf(DIGEST)}/link`
  assert.equal(await readFile(join(root, path), 'utf8'), DIGEST)
  await truncate(join(root, path), 20)
  assert.equal(await content.blobs.find(TEAM, DIGEST), undefined)
  await content.blobs.link(TEAM, DIGEST)
  assert.equal((await content.blobs.find(TEAM, DIGEST))?.size, BYTES.length)
})

test('the first blob that is missing is told, and no more is looked for than it takes', async (t) => {
  const { content } = await emptyContent(t)
  const asked: number[] = []
  const sizes = content.driver.sizes.bind(content.driver)
  content.driver.sizes = (paths) => {
    asked.push(paths.length)
    return sizes(paths)
  }
  const unknown = Array.from({ length: 2000 }, (_, index) => digestOf(`${index}`))
  await commit(content, BYTES)
  await content.blobs.link(TEAM, DIGEST)
  assert.equal(await content.blobs.firstMissing(TEAM, [DIGEST, ...unknown]), unknown[0])
  assert.deepEqual(asked, [500])
  assert.equal(await content.blobs.firstMissing(TEAM, [DIGEST]), undefined)
})

test('a manifest reads back byte for byte with the media type that it names', async (t) => {
  const { content } = await emptyContent(t)
  const { manifest } = imageOf({ docker: true })
  await content.manifests.put(TEAM, manifest)
  assert.equal(await content.manifests.has(TEAM, manifest.digest), true)
  const read = await content.manifests.read(TEAM, manifest.digest)
  assert.equal(read?.mediaType, DOCKER_MANIFEST)
  assert.deepEqual(read?.bytes, manifest.bytes)
  assert.equal(await content.manifests.read(OTHER, manifest.digest), undefined)
})

test('a manifest that names no media type is told by its content', async (t) => {
  const { content } = await emptyContent(t)
  assert.equal(await storedAs(content, { schemaVersion: 2, config: {}, layers: [] }), OCI_MANIFEST)
  assert.equal(await storedAs(content, { schemaVersion: 2, manifests: [] }), OCI_INDEX)
  assert.equal(await storedAs(content, { schemaVersion: 1, fsLayers: [] }), DOCKER_SCHEMA1)
})

test('a damaged manifest is never handed out, and a repeated push heals it', async (t) => {
  const { root, content } = await emptyContent(t)
  const { manifest } = imageOf()
  await content.manifests.put(TEAM, manifest)
  const wrong = Buffer.from(manifest.bytes)
  wrong[10] = 0
  await writeFile(join(root, blobDataPath(manifest.digest)), wrong)
  await assert.rejects(content.manifests.read(TEAM, manifest.digest), DamagedContentError)
  await content.manifests.put(TEAM, manifest)
  assert.deepEqual((await content.manifests.read(TEAM, manifest.digest))?.bytes, manifest.bytes)
})

test('a tag follows its last push and remembers the ones before', async (t) => {
  const { root, content } = await emptyContent(t)
  const [first, second] = [digestOf('first'), digestOf('second')]
  await content.tags.set(TEAM, tag('v1'), first)
  await content.tags.set(TEAM, tag('v1'), second)
  assert.equal(await content.tags.resolve(TEAM, tag('v1')), second)
  const folder = join(root, 'docker/registry/v2/repositories/team/app/_manifests/tags/v1')
  assert.equal(await readFile(join(folder, `index/sha256/${hexOf(first)}/link`), 'utf8'), first)
  assert.equal(await readFile(join(folder, `index/sha256/${hexOf(second)}/link`), 'utf8'), second)
  await content.tags.delete(TEAM, tag('v1'))
  assert.equal(await content.tags.resolve(TEAM, tag('v1')), undefined)
  assert.deepEqual(await content.tags.list(TEAM, { limit: 10 }), { items: [], more: false })
})

test('tags are listed in byte order, page by page, behind a last one that need not exist', async (t) => {
  const { content } = await emptyContent(t)
  for (const name of ['b', 'a', '_x', 'B', '10', '9', 'a-b', 'a.b'])
    await content.tags.set(TEAM, tag(name), DIGEST)
  const all = ['10', '9', 'B', '_x', 'a', 'a-b', 'a.b', 'b']
  assert.deepEqual(await content.tags.list(TEAM, { limit: 8 }), { items: all, more: false })
  assert.deepEqual(await content.tags.list(TEAM, { limit: 3 }), { items: all.slice(0, 3), more: true })
  assert.deepEqual(await content.tags.list(TEAM, { limit: 2, last: 'Bx' }), {
    items: ['_x', 'a'],
    more: true,
  })
  assert.deepEqual(await content.tags.list(TEAM, { limit: 2, last: 'b' }), { items: [], more: false })
  assert.deepEqual(await content.tags.list(TEAM, { limit: 0 }), { items: [], more: false })
})

test('the tags of one manifest are found', async (t) => {
  const { content } = await emptyContent(t)
  await content.tags.set(TEAM, tag('v1'), DIGEST)
  await content.tags.set(TEAM, tag('v2'), digestOf('another'))
  await content.tags.set(TEAM, tag('latest'), DIGEST)
  assert.deepEqual(await all(content.tags.pointingTo(TEAM, DIGEST)), ['latest', 'v1'])
})

test('referrers are listed by subject, sha512 too', async (t) => {
  const { content } = await emptyContent(t)
  const referrers = [digestOf('b'), digestOf('a'), digestOf('c', 'sha512')]
  for (const referrer of referrers) await content.referrers.add(TEAM, DIGEST, referrer)
  assert.deepEqual(await all(content.referrers.list(TEAM, DIGEST)), referrers.toSorted())
  await content.referrers.delete(TEAM, DIGEST, digestOf('a'))
  assert.equal((await all(content.referrers.list(TEAM, DIGEST))).length, 2)
  assert.deepEqual(await all(content.referrers.list(OTHER, DIGEST)), [])
})

test('repositories are listed as registry:2 lists them: component by component, parents first', async (t) => {
  const { content } = await emptyContent(t)
  const names = ['z/y/x', 'a0', 'a.b', 'a-b', 'a/b/c', 'a/b', 'a']
  for (const name of names) await content.manifests.put(repository(name), imageOf().manifest)
  const order = ['a', 'a/b', 'a/b/c', 'a-b', 'a.b', 'a0', 'z/y/x']
  assert.deepEqual(await content.repositories.list({ limit: 100 }), { items: order, more: false })
  assert.deepEqual(await content.repositories.list({ limit: 2 }), { items: order.slice(0, 2), more: true })
  for (const [at, last] of order.entries())
    assert.deepEqual((await content.repositories.list({ limit: 100, last })).items, order.slice(at + 1))
  assert.deepEqual((await content.repositories.list({ limit: 1, last: 'a/b/bb' })).items, ['a/b/c'])
  assert.deepEqual((await content.repositories.list({ limit: 1, last: 'a/c' })).items, ['a-b'])
})

test('a repository is one as soon as it holds a manifest, not before', async (t) => {
  const { content } = await emptyContent(t)
  await content.blobs.link(TEAM, DIGEST)
  assert.equal(await content.repositories.has(TEAM), false)
  assert.deepEqual((await content.repositories.list({ limit: 10 })).items, [])
  await content.manifests.put(TEAM, imageOf().manifest)
  assert.equal(await content.repositories.has(TEAM), true)
  assert.equal(await content.repositories.has(repository('team')), false)
})

async function commit(content: ContentStore, bytes: Buffer): Promise<void> {
  const writer = await content.driver.openWriter(stagingDataPath('1'))
  await writer.write(bytes)
  await content.blobs.commit(writer, digestOf(bytes))
}

async function writeLinkFile(root: string, folder: string, digest: string): Promise<void> {
  await mkdir(join(root, folder), { recursive: true })
  await writeFile(join(root, folder, 'link'), digest)
}

async function storedAs(content: ContentStore, json: object): Promise<string | undefined> {
  const bytes = Buffer.from(JSON.stringify(json))
  const digest = digestOf(bytes)
  await content.manifests.put(TEAM, { digest, bytes })
  return (await content.manifests.read(TEAM, digest))?.mediaType
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}
