// The bundled registry and the real registry:2 on one folder.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { stagingDataPath } from '../../../src/core/content/layout.ts'
import { digestOf, type Digest } from '../../../src/oci/digest.ts'

import { startDockerRegistry, type DockerRegistry } from '../../support/docker-registry.ts'
import { send } from '../../support/http.ts'
import { imageOf, indexOf, multiArch, type Content, type Image } from '../../support/images.ts'
import { repository, tag } from '../content/content.ts'
import { bodyOf, CONTEXT, pushBlob, pushBlobs, readBlob, startBundled, type Bundled } from './bundled.ts'

const DEEP = repository('a/b-c/d')
const EMPTY = { digest: digestOf(''), bytes: Buffer.alloc(0) }

test('the same push leaves the same files on the disk as registry:2', async (t) => {
  const ours = await startBundled(t)
  const theirs = await startDockerRegistry(t)
  const [first, second] = [imageOf({ seed: 'first' }), imageOf({ seed: 'second', docker: true })]
  for (const image of [first, second]) {
    await pushImage(ours, 'a/b-c/d', 'v1', image)
    await sendImage(theirs, 'a/b-c/d', 'v1', image)
  }
  await pushBlob(ours, DEEP, EMPTY)
  await sendBlob(theirs, 'a/b-c/d', EMPTY)
  assert.deepEqual(await tree(ours.root), await tree(theirs.root))
  await ours.registry.deleteManifest(DEEP, first.manifest.digest, CONTEXT)
  await ours.registry.deleteBlob(DEEP, EMPTY.digest, CONTEXT)
  await sendDelete(theirs, `a/b-c/d/manifests/${first.manifest.digest}`)
  await sendDelete(theirs, `a/b-c/d/blobs/${EMPTY.digest}`)
  assert.deepEqual(await tree(ours.root), await tree(theirs.root))
})

test('registry:2 serves what was pushed here', async (t) => {
  const ours = await startBundled(t)
  const index = multiArch({ seed: 'multi' })
  for (const image of index.images) await pushImage(ours, 'a/b-c/d', undefined, image)
  await ours.registry.putManifest(DEEP, tag('multi'), bodyOf(index.manifest), CONTEXT)
  const docker = imageOf({ seed: 'docker', docker: true, layers: 3 })
  await pushImage(ours, 'a', 'v1', docker)
  await pushBlob(ours, DEEP, EMPTY)
  await ours.uploads.mount(repository('mounted'), EMPTY.digest, DEEP, CONTEXT)
  const theirs = await startDockerRegistry(t, { root: ours.root })
  await assertServes(theirs, 'a/b-c/d', 'multi', index.manifest)
  await assertServes(theirs, 'a', 'v1', docker.manifest)
  for (const blob of docker.blobs) await assertServesBlob(theirs, 'a', blob)
  for (const image of index.images)
    for (const blob of image.blobs) await assertServesBlob(theirs, 'a/b-c/d', blob)
  await assertServesBlob(theirs, 'mounted', EMPTY)
  const tags = await send(`${theirs.url}/v2/a/b-c/d/tags/list`)
  assert.deepEqual(tags.json(), { name: 'a/b-c/d', tags: ['multi'] })
})

test('what was pushed to registry:2 is served here', async (t) => {
  const theirs = await startDockerRegistry(t)
  const images = [imageOf({ seed: 'oci' }), imageOf({ seed: 'docker', docker: true })]
  for (const image of images) await sendImage(theirs, 'a/b-c/d', image.platform.os, image)
  const list = indexOf(images, { docker: true })
  await sendManifest(theirs, 'a/b-c/d', 'list', list.manifest)
  await sendBlob(theirs, 'a/b-c/d', EMPTY)
  const large = { digest: digestOf('sha512', 'sha512'), bytes: Buffer.from('sha512') }
  await sendBlob(theirs, 'a/b-c/d', large)
  const ours = await startBundled(t, { root: theirs.root })
  for (const { manifest } of [list, ...images]) {
    const answer = await ours.registry.getManifest(DEEP, manifest.digest, CONTEXT)
    assert.equal(answer.manifest.mediaType, manifest.mediaType)
    assert.deepEqual(answer.manifest.bytes, manifest.bytes)
  }
  for (const blob of [...images.flatMap((image) => image.blobs), EMPTY, large])
    assert.deepEqual(await readBlob(ours, DEEP, blob.digest), blob.bytes)
  assert.deepEqual((await ours.registry.listTags(DEEP, { limit: 10 }, CONTEXT)).items, ['linux', 'list'])
})

test('a mount leaves the same files as that of registry:2', async (t) => {
  const ours = await startBundled(t)
  const theirs = await startDockerRegistry(t)
  const blob = { digest: digestOf('mounted'), bytes: Buffer.from('mounted') }
  await pushBlob(ours, DEEP, blob)
  await sendBlob(theirs, DEEP, blob)
  await ours.uploads.mount(repository('other/name'), blob.digest, DEEP, CONTEXT)
  const mount = `${theirs.url}/v2/other/name/blobs/uploads/?mount=${blob.digest}&from=${DEEP}`
  assert.equal((await send(mount, { method: 'POST' })).status, 201)
  assert.deepEqual(await tree(ours.root), await tree(theirs.root))
})

test('a sha512 blob is read by both, whoever took it, and a mount of it too', async (t) => {
  const theirs = await startDockerRegistry(t)
  const ours = await startBundled(t, { root: theirs.root })
  const [here, there] = [Buffer.from('pushed here'), Buffer.from('pushed there')].map((bytes) => ({
    digest: digestOf(bytes, 'sha512'),
    bytes,
  }))
  assert.ok(here && there)
  await pushBlob(ours, DEEP, here)
  await sendBlob(theirs, DEEP, there)
  await assertServesBlob(theirs, DEEP, here)
  // registry:2 keeps it under its sha256 digest, to which the link under the sha512 one leads.
  assert.equal(await ours.uploads.mount(repository('mounted'), there.digest, DEEP, CONTEXT), true)
  for (const name of [DEEP, repository('mounted')])
    assert.deepEqual(await readBlob(ours, name, there.digest), there.bytes)
  await assertServesBlob(theirs, 'mounted', there)
})

test('both list the same repositories in the same order', async (t) => {
  const ours = await startBundled(t)
  for (const name of ['z', 'a0', 'a.b', 'a-b', 'a/b/c', 'a/b', 'a'])
    await pushImage(ours, name, 'v1', imageOf())
  const theirs = await startDockerRegistry(t, { root: ours.root })
  const catalog = await send(`${theirs.url}/v2/_catalog`)
  const { items } = await ours.registry.listRepositories({ limit: 100 }, CONTEXT)
  assert.deepEqual(catalog.json(), { repositories: items })
})

test("registry:2's garbage collection leaves our extra files and all that is tagged alone", async (t) => {
  const ours = await startBundled(t)
  const subject = imageOf({ seed: 'subject' })
  const referrer = imageOf({ seed: 'referrer', subject: subject.manifest })
  await pushImage(ours, 'a/b-c/d', 'v1', subject)
  await pushImage(ours, 'a/b-c/d', undefined, referrer)
  const orphan = { digest: digestOf('orphan'), bytes: Buffer.from('orphan') }
  await pushBlob(ours, DEEP, orphan)
  const { id } = await ours.uploads.start(DEEP, {}, CONTEXT)
  const staged = await ours.driver.openWriter(stagingDataPath('1'))
  await staged.close()
  const link = join(ours.root, 'docker/registry/v2/repositories/a/b-c/d/_manifests/tags/v1/current/.0a.tmp')
  await writeFile(link, 'left by a killed process')
  await collectGarbage(ours.root)
  assert.deepEqual(
    (await ours.registry.getManifest(DEEP, tag('v1'), CONTEXT)).manifest.bytes,
    subject.manifest.bytes,
  )
  for (const blob of [...subject.blobs, ...referrer.blobs])
    assert.deepEqual(await readBlob(ours, DEEP, blob.digest), blob.bytes)
  const { descriptors } = await ours.registry.listReferrers(DEEP, subject.manifest.digest, {}, CONTEXT)
  assert.deepEqual(
    descriptors.map(({ digest }) => digest),
    [referrer.manifest.digest],
  )
  assert.equal((await ours.uploads.status(DEEP, id, CONTEXT)).offset, 0)
  await assert.rejects(ours.registry.statBlob(DEEP, orphan.digest, CONTEXT), { code: 'BLOB_UNKNOWN' })
  await pushBlob(ours, DEEP, orphan)
  assert.deepEqual(await readBlob(ours, DEEP, orphan.digest), orphan.bytes)
})

async function pushImage(
  ours: Bundled,
  name: string,
  tagged: string | undefined,
  image: Image,
): Promise<void> {
  await pushBlobs(ours, repository(name), image)
  const reference = tagged === undefined ? image.manifest.digest : tag(tagged)
  await ours.registry.putManifest(repository(name), reference, bodyOf(image.manifest), CONTEXT)
}

async function sendImage(theirs: DockerRegistry, name: string, tagged: string, image: Image): Promise<void> {
  for (const blob of image.blobs) await sendBlob(theirs, name, blob)
  await sendManifest(theirs, name, tagged, image.manifest)
}

async function sendBlob(
  { url }: DockerRegistry,
  name: string,
  { digest, bytes }: { digest: Digest; bytes: Buffer },
): Promise<void> {
  const started = await send(`${url}/v2/${name}/blobs/uploads/`, { method: 'POST' })
  const patched = await send(started.headers.location ?? '', { method: 'PATCH', body: bytes })
  const location = new URL(patched.headers.location ?? '')
  location.searchParams.set('digest', digest)
  assert.equal((await send(location, { method: 'PUT' })).status, 201)
}

async function sendManifest(
  { url }: DockerRegistry,
  name: string,
  reference: string,
  { bytes, mediaType }: Content,
): Promise<void> {
  const headers = { 'Content-Type': mediaType }
  const put = await send(`${url}/v2/${name}/manifests/${reference}`, { method: 'PUT', headers, body: bytes })
  assert.equal(put.status, 201, put.text())
}

async function sendDelete({ url }: DockerRegistry, path: string): Promise<void> {
  assert.equal((await send(`${url}/v2/${path}`, { method: 'DELETE' })).status, 202)
}

async function assertServes(
  { url }: DockerRegistry,
  name: string,
  reference: string,
  { bytes, mediaType, digest }: Content,
): Promise<void> {
  const answer = await send(`${url}/v2/${name}/manifests/${reference}`, { headers: { Accept: mediaType } })
  assert.equal(answer.status, 200, answer.text())
  assert.equal(answer.headers['content-type'], mediaType)
  assert.equal(answer.headers['docker-content-digest'], digest)
  assert.deepEqual(answer.body, bytes)
}

async function assertServesBlob(
  { url }: DockerRegistry,
  name: string,
  { digest, bytes }: { digest: Digest; bytes: Buffer },
): Promise<void> {
  const answer = await send(`${url}/v2/${name}/blobs/${digest}`)
  assert.equal(answer.status, 200)
  assert.deepEqual(answer.body, bytes)
}

/** Every file with its content. Empty folders mean nothing: object stores have none. */
async function tree(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const lines = files.map(async (path) => `${path.slice(root.length)} ${digestOf(await readFile(path))}`)
  return (await Promise.all(lines)).toSorted()
}

async function collectGarbage(root: string): Promise<void> {
  const file = join(root, 'gc.yml')
  await writeFile(file, JSON.stringify({ version: '0.1', storage: { filesystem: { rootdirectory: root } } }))
  await promisify(execFile)('docker-registry', ['garbage-collect', file])
}
