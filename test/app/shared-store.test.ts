// dockgate and the real registry:2 at work on one folder at the same time (`shared: true`).
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import { startDockerRegistry, type DockerRegistry } from '../support/docker-registry.ts'
import { startGateway } from '../support/gateway.ts'
import { send } from '../support/http.ts'
import { imageOf, type Content, type Image } from '../support/images.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { temporaryFolder } from '../support/scope.ts'

const EVERYBODY = ['$anonymous']
const NAME = 'team/app'

interface Both {
  readonly ours: string
  readonly theirs: string
  readonly registry: DockerRegistry
}

async function startBoth(t: TestContext): Promise<Both> {
  const folder = await temporaryFolder(t)
  const root = join(folder, 'data')
  await mkdir(root)
  const registry = await startDockerRegistry(t, { root })
  const gateway = await startGateway(t, {
    folder,
    config: {
      listen: [{ address: '127.0.0.1:0' }],
      auth: {},
      access: [{ repositories: ['**'], pull: EVERYBODY, push: EVERYBODY, delete: EVERYBODY }],
      stores: { main: { filesystem: { root: 'data' }, shared: true } },
    },
  })
  return { ours: gateway.url, theirs: registry.url, registry }
}

test('a tag that one of them moves or deletes is answered by the other at once', async (t) => {
  const { ours, theirs } = await startBoth(t)
  for (let round = 0; round < 6; round += 1) {
    const image = imageOf({ seed: `round ${round}` })
    await push(round % 2 === 0 ? ours : theirs, NAME, 'latest', image)
    for (const url of [ours, theirs, ours]) await assertServes(url, NAME, 'latest', image.manifest)
  }
  await push(theirs, NAME, 'gone', imageOf({ seed: 'gone' }))
  const { manifest } = imageOf({ seed: 'gone' })
  await assertServes(ours, NAME, 'gone', manifest)
  const deleted = await send(`${theirs}/v2/${NAME}/manifests/${manifest.digest}`, { method: 'DELETE' })
  assert.equal(deleted.status, 202)
  for (const reference of ['gone', manifest.digest])
    assert.equal((await send(`${ours}/v2/${NAME}/manifests/${reference}`)).status, 404)
  assert.deepEqual((await send(`${ours}/v2/${NAME}/tags/list`)).json(), { name: NAME, tags: ['latest'] })
})

test('pushes to both at the same time, of the same layers too, all arrive whole and are served by either', async (t) => {
  const { ours, theirs } = await startBoth(t)
  const images = Array.from({ length: 8 }, (_, at) =>
    imageOf({ seed: `both ${at % 5}`, layers: 2, layerBytes: 300_000 }),
  )
  const pushes = images.flatMap((image, at) => [
    push(ours, NAME, `ours-${at}`, image),
    push(theirs, NAME, `theirs-${at}`, image),
  ])
  await Promise.all(pushes)
  const tags = images.flatMap((_, at) => [`ours-${at}`, `theirs-${at}`]).toSorted()
  for (const url of [ours, theirs]) {
    const listed = (await send(`${url}/v2/${NAME}/tags/list`)).json<{ tags: string[] }>()
    assert.deepEqual(listed.tags.toSorted(), tags) // registry:2 lists them in no order
    for (const [at, image] of images.entries()) {
      await assertServes(url, NAME, `ours-${at}`, image.manifest)
      await assertServes(url, NAME, `theirs-${at}`, image.manifest)
      for (const { digest, bytes } of image.blobs) await assertServesBlob(url, digest, bytes)
    }
  }
})

test('a mount, an empty blob and a deep name cross over, and a half-done push of one does not disturb the other', async (t) => {
  const { ours, theirs } = await startBoth(t)
  const bytes = seededBytes('half done', 400_000)
  const digest = digestOf(bytes)
  const started = await send(`${ours}/v2/${NAME}/blobs/uploads/`, { method: 'POST' })
  const location = started.headers.location ?? ''
  await send(location, { method: 'PATCH', body: bytes.subarray(0, 100_000) })
  await pushBlob(theirs, 'a/b-c/d.e/f', { digest, bytes })
  await pushBlob(theirs, 'a/b-c/d.e/f', { digest: digestOf(''), bytes: Buffer.alloc(0) })
  const mounted = `${ours}/v2/mounted/here/blobs/uploads/?mount=${digest}&from=a/b-c/d.e/f`
  assert.equal((await send(mounted, { method: 'POST' })).status, 201)
  assert.equal((await send(`${theirs}/v2/mounted/here/blobs/${digest}`, { method: 'HEAD' })).status, 200)
  const headers = { 'content-range': `100000-${bytes.length - 1}` }
  await send(location, { method: 'PATCH', body: bytes.subarray(100_000), headers })
  assert.equal((await send(`${location}?digest=${digest}`, { method: 'PUT' })).status, 201)
  for (const url of [ours, theirs]) {
    await assertServesBlob(url, digest, bytes)
    assert.equal((await send(`${url}/v2/a/b-c/d.e/f/blobs/${digestOf('')}`)).status, 200)
  }
})

async function push(url: string, name: string, tag: string, image: Image): Promise<void> {
  await Promise.all(image.blobs.map((blob) => pushBlob(url, name, blob)))
  const { bytes, mediaType } = image.manifest
  const headers = { 'content-type': mediaType }
  const put = await send(`${url}/v2/${name}/manifests/${tag}`, { method: 'PUT', body: bytes, headers })
  assert.equal(put.status, 201, put.text())
}

async function pushBlob(
  url: string,
  name: string,
  { digest, bytes }: { digest: Digest; bytes: Buffer },
): Promise<void> {
  const started = await send(`${url}/v2/${name}/blobs/uploads/`, { method: 'POST' })
  const patched = await send(started.headers.location ?? '', { method: 'PATCH', body: bytes })
  const end = new URL(patched.headers.location ?? '')
  end.searchParams.set('digest', digest)
  const put = await send(end, { method: 'PUT' })
  assert.equal(put.status, 201, put.text())
}

async function assertServes(url: string, name: string, reference: string, manifest: Content): Promise<void> {
  const headers = { accept: manifest.mediaType }
  const answer = await send(`${url}/v2/${name}/manifests/${reference}`, { headers })
  assert.equal(answer.status, 200, answer.text())
  assert.deepEqual(answer.body, manifest.bytes)
}

async function assertServesBlob(url: string, digest: Digest, bytes: Buffer): Promise<void> {
  const answer = await send(`${url}/v2/${NAME}/blobs/${digest}`)
  assert.equal(answer.status, 200, answer.text())
  assert.ok(answer.body.equals(bytes))
}
