// Private blobs are fetched by the login of who asks, also when that happens long after the request was let through.
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { AdmittedRegistry } from '../../../src/core/mirror/admitted.ts'
import { CallerAdmission } from '../../../src/core/mirror/caller-admission.ts'
import type { MirrorRegistryOptions } from '../../../src/core/mirror/mirror-registry.ts'
import { PublicAdmission } from '../../../src/core/mirror/public-admission.ts'
import { upstreamName } from '../../../src/core/upstream-name.ts'
import type { RepositoryName } from '../../../src/oci/repository-name.ts'
import { ClientsByLogin } from '../../../src/upstream/clients-by-login.ts'
import { startHub } from '../../support/hub.ts'
import { imageOf } from '../../support/images.ts'
import { known } from '../../support/known.ts'
import { atEnd } from '../../support/scope.ts'
import { until } from '../../support/until.ts'
import { CONTEXT, mirrored, readBlob, startMirror } from './mirror-fixture.ts'

const image = imageOf({ seed: 'secret', layerBytes: 500_000 })
const layer = known(image.layers[0])
const SECRET = mirrored('acme/secret')
const ACME = { ...CONTEXT, upstreamLogin: { username: 'acme', password: 'secret' } }

async function startPerUser(t: TestContext, options: Partial<MirrorRegistryOptions> = {}) {
  const hub = await startHub(t, {
    images: { 'acme/secret:1': image },
    accounts: { acme: 'secret' },
    readers: { 'acme/secret': ['acme'] },
  })
  const clients = new ClientsByLogin({ url: hub.url })
  atEnd(t, () => clients.close())
  const mirror = await startMirror(t, hub.url, { client: clients.client, ...options })
  const nameOf = (name: RepositoryName) => upstreamName(name, { from: 'docker.io/', to: '' })
  const { content } = mirror
  const everybody = new PublicAdmission({
    client: clients.anonymous,
    content,
    nameOf,
    isMirrorAnonymous: false,
  })
  const admission = new CallerAdmission({ clients, nameOf, everybody })
  return { ...mirror, hub, admission, registry: new AdmittedRegistry(mirror.registry, admission) }
}

test('a private blob that the disk has no room for is streamed by the login of who asked', async (t) => {
  const { registry } = await startPerUser(t, { limits: { reserveBytes: 2 ** 60 } })
  const blob = await registry.openBlob(SECRET, layer.digest, ACME)
  assert((await readBlob(blob)).equals(layer.bytes))
})

test('a private blob that goes between finding and reading it is fetched again by the login of who asked', async (t) => {
  const { registry, content, root } = await startPerUser(t)
  await readBlob(await registry.openBlob(SECRET, layer.digest, ACME))
  await until('it is kept', async () => (await content.blobs.find(SECRET, layer.digest)) !== undefined)
  const blob = await registry.openBlob(SECRET, layer.digest, ACME)
  assert.equal(blob.cache, 'hit')
  await rm(join(root, 'docker/registry/v2/blobs'), { recursive: true })
  assert((await readBlob(blob)).equals(layer.bytes))
})

test('callers with one login who come at once cost one question, and nobody else gets their answer', async (t) => {
  const { hub, admission } = await startPerUser(t)
  const subject = { blob: layer.digest }
  const stranger = { ...CONTEXT, upstreamLogin: { username: 'acme', password: 'wrong' } }
  const refused = assert.rejects(async () => admission.admit(SECRET, subject, stranger))
  await Promise.all(Array.from({ length: 20 }, async () => admission.admit(SECRET, subject, ACME)))
  await refused
  const asked = hub.received({ method: 'HEAD' }).filter(({ status }) => status === 200)
  assert.equal(asked.length, 1)
  assert.equal(admission.isAdmitted(SECRET, ACME), true)
  assert.equal(admission.isAdmitted(SECRET, stranger), false)
})
