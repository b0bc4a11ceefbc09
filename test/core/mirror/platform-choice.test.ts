import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAccept } from '../../../src/oci/accept.ts'
import {
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../../../src/oci/media-type.ts'
import { parseTag } from '../../../src/oci/reference.ts'
import { startHub } from '../../support/hub.ts'
import { ARM64, imageOf, indexOf, multiArch, type Image, type Index } from '../../support/images.ts'
import { known } from '../../support/known.ts'
import type { Scope } from '../../support/scope.ts'
import { ALPINE, CONTEXT, startMirror } from './mirror-fixture.ts'

const TAG = known(parseTag('3.20'))

/** The media type that a client with this `Accept` is answered for the tag, and the digest. */
async function answersFor(t: Scope, item: Image | Index) {
  const hub = await startHub(t, { images: { 'library/alpine:3.20': item } })
  const { registry } = await startMirror(t, hub.url)
  return {
    hub,
    registry,
    ask: async (accept: string | undefined) => {
      const context = { ...CONTEXT, accept: parseAccept(accept) }
      const { manifest } = await registry.getManifest(ALPINE, TAG, context)
      return [manifest.mediaType, manifest.digest]
    },
  }
}

test('who takes indexes gets the index, who takes anything too, and each as it is upstream', async (t) => {
  const list = multiArch({ docker: true })
  const { ask, hub } = await answersFor(t, list)
  const expected = [DOCKER_MANIFEST_LIST, list.manifest.digest]
  assert.deepEqual(await ask(`${DOCKER_MANIFEST}, ${DOCKER_MANIFEST_LIST}`), expected)
  for (const accept of [undefined, '*/*', 'application/*', 'application/json'])
    assert.deepEqual(await ask(accept), expected)
  const [sent] = hub.received({ server: 'registry', path: 'manifests' })
  assert.ok(String(sent?.headers.accept).includes(OCI_INDEX))
})

test('who takes no index gets the image for linux/amd64, whoever asked before', async (t) => {
  const list = multiArch({ docker: true })
  const amd64 = known(list.images[0]).manifest
  const { ask, hub, registry } = await answersFor(t, list)
  await ask(DOCKER_MANIFEST_LIST)
  assert.deepEqual(await ask(DOCKER_MANIFEST), [DOCKER_MANIFEST, amd64.digest])
  hub.forgetRequests()
  assert.deepEqual(await ask(`${OCI_MANIFEST}, ${DOCKER_MANIFEST}`), [DOCKER_MANIFEST, amd64.digest])
  assert.deepEqual(await ask(DOCKER_MANIFEST_LIST), [DOCKER_MANIFEST_LIST, list.manifest.digest])
  assert.equal(hub.requests.length, 0)
  // Nor is it the index that memory answers at once.
  const context = { accept: parseAccept(DOCKER_MANIFEST) }
  assert.equal(registry.peekManifest(ALPINE, TAG, context), undefined)
})

test('an index of one image stands for it; of an index without a fitting image the client is told', async (t) => {
  const arm = imageOf({ platform: ARM64, seed: 'arm' })
  const attestation = imageOf({ platform: { os: 'unknown', architecture: 'unknown' }, seed: 'attestation' })
  const { ask } = await answersFor(t, indexOf([arm, attestation]))
  assert.deepEqual(await ask(OCI_MANIFEST), [OCI_MANIFEST, arm.manifest.digest])
  await assert.rejects(ask(DOCKER_MANIFEST), {
    code: 'MANIFEST_UNKNOWN',
    status: 404,
    message: /is an index \(application\/vnd.oci.image.index.v1\+json\)/,
  })
})

test('by digest, bytes are what they are, whatever the client takes', async (t) => {
  const index = multiArch()
  const { registry } = await answersFor(t, index)
  const context = { ...CONTEXT, accept: parseAccept(DOCKER_MANIFEST) }
  const { manifest } = await registry.getManifest(ALPINE, index.manifest.digest, context)
  assert.deepEqual(Buffer.from(manifest.bytes), index.manifest.bytes)
})
