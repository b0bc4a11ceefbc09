import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { send, type Answer, type RequestOptions } from '../support/http.ts'
import { describe, imageOf, multiArch, type Content, type Image } from '../support/images.ts'
import { fileScope } from '../support/scope.ts'

const scope = fileScope()
const account = { username: 'alice', password: 'alice-secret' }
let gateway: RunningGateway
before(async () => {
  gateway = await startGateway(scope)
})

const ask = (path: string, options: RequestOptions = {}): Promise<Answer> =>
  send(`${gateway.url}/v2/${path}`, { ca: gateway.ca, account, ...options })

async function push(repository: string, { manifest, blobs }: Image): Promise<void> {
  for (const { digest, bytes } of blobs)
    await ask(`${repository}/blobs/uploads/?digest=${digest}`, { method: 'POST', body: bytes })
  await put(repository, manifest)
}

async function put(repository: string, { mediaType, bytes, digest }: Content): Promise<void> {
  const headers = { 'Content-Type': mediaType }
  const { status } = await ask(`${repository}/manifests/${digest}`, { method: 'PUT', headers, body: bytes })
  assert.equal(status, 201)
}

/** The `Warning` of a delete, which is done in any case. */
async function remove(path: string): Promise<string | undefined> {
  const { status, headers } = await ask(path, { method: 'DELETE' })
  assert.equal(status, 202)
  assert.equal((await ask(path)).status, 404)
  return headers['warning'] as string | undefined
}

test('a manifest that an index still names goes with a warning, and without one when the index is gone', async () => {
  const { images, manifest } = multiArch()
  for (const image of images) await push('team/indexed', image)
  await put('team/indexed', manifest)
  const [first = assert.fail(), second = assert.fail()] = images.map((image) => image.manifest.digest)
  const warning = `299 - "a manifest of this repository still names ${first}"`
  assert.equal(await remove(`team/indexed/manifests/${first}`), warning)
  assert.equal(await remove(`team/indexed/manifests/${manifest.digest}`), undefined)
  assert.equal(await remove(`team/indexed/manifests/${second}`), undefined)
})

test('a manifest that others refer to goes with a warning', async () => {
  const subject = imageOf({ seed: 'subject' })
  await push('team/signed', subject)
  const signatures = ['one', 'two'].map((seed) => imageOf({ seed, subject: describe(subject.manifest) }))
  for (const signature of signatures) await push('team/signed', signature)
  assert.equal(
    await remove(`team/signed/manifests/${subject.manifest.digest}`),
    `299 - "2 manifests of this repository still name ${subject.manifest.digest}"`,
  )
})

test('a blob that an image still names goes with a warning, from this repository alone', async () => {
  const image = imageOf({ seed: 'shared' })
  for (const repository of ['team/one', 'team/other']) await push(repository, image)
  const layer = image.layers[0]?.digest ?? assert.fail()
  const warning = `299 - "a manifest of this repository still names ${layer}"`
  assert.equal(await remove(`team/one/blobs/${layer}`), warning)
  assert.equal((await ask(`team/other/blobs/${layer}`)).status, 200)
})
