// Downloads outlive their clients, but within bounds.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OpenBlob } from '../../../../src/core/registry.ts'
import type { Digest } from '../../../../src/oci/digest.ts'
import { startHub, type Hub } from '../../../support/hub.ts'
import { imageOf } from '../../../support/images.ts'
import { known } from '../../../support/known.ts'
import { until } from '../../../support/until.ts'
import { ALPINE, CONTEXT, readBlob, startMirror, type MirrorFixture } from '../mirror-fixture.ts'

const image = imageOf({ seed: 'limits', layers: 2, layerBytes: 2_000_000 })
const [layer, other] = [known(image.layers[0]), known(image.layers[1])]
const images = { 'library/alpine:3.20': image }

function isKept({ content }: MirrorFixture, digest: Digest): Promise<boolean> {
  return content.blobs.find(ALPINE, digest).then((found) => found !== undefined)
}

/** Reads a little, and leaves. */
async function taste(blob: OpenBlob): Promise<void> {
  const body = await blob.read()
  await new Promise((resolve) => body.once('data', resolve))
  body.destroy()
  blob.release()
}

/** The upstream sees its only connection closed, long before a deadline would close it. */
function untilCutOff(hub: Hub): Promise<unknown> {
  const isCutOff = () => hub.received({ server: 'cdn' }).every(({ outcome }) => outcome !== undefined)
  return until('the download is given up', isCutOff, 1_000)
}

test('no more than so many downloads go on without a client', async (t) => {
  const hub = await startHub(t, { images })
  const mirror = await startMirror(t, hub.url, { limits: { maxOrphans: 1 } })
  const pause = hub.fail({ server: 'cdn' }, { kind: 'hang', afterBytes: 1000 })
  await taste(await mirror.registry.openBlob(ALPINE, layer.digest, CONTEXT))
  await taste(await mirror.registry.openBlob(ALPINE, other.digest, CONTEXT))
  await until('the second is given up', () =>
    hub.received({ server: 'cdn' }).some(({ outcome }) => outcome !== undefined),
  )
  pause.remove()
  await until('the first is kept', () => isKept(mirror, layer.digest))
  assert.equal(await isKept(mirror, other.digest), false)
  assert((await readBlob(await mirror.registry.openBlob(ALPINE, other.digest, CONTEXT))).equals(other.bytes))
})

test('a download that somebody reads again is not among those without a client', async (t) => {
  const hub = await startHub(t, { images })
  const mirror = await startMirror(t, hub.url, { limits: { maxOrphans: 1 } })
  const pause = hub.fail({ server: 'cdn' }, { kind: 'hang', afterBytes: 1000 })
  await taste(await mirror.registry.openBlob(ALPINE, layer.digest, CONTEXT))
  const back = await mirror.registry.openBlob(ALPINE, layer.digest, CONTEXT)
  await taste(await mirror.registry.openBlob(ALPINE, other.digest, CONTEXT))
  pause.remove()
  assert((await readBlob(back)).equals(layer.bytes))
  await until(
    'both are kept',
    async () => (await isKept(mirror, other.digest)) && isKept(mirror, layer.digest),
  )
  assert.equal(hub.received({ server: 'cdn' }).length, 2)
})

test('a download without a client ends after a while', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url, { limits: { maxOrphanMs: 20 } })
  hub.fail({ server: 'cdn' }, { kind: 'hang', afterBytes: 1000 })
  await taste(await registry.openBlob(ALPINE, layer.digest, CONTEXT))
  await untilCutOff(hub)
})

test('a download that lacks too much ends with its last client', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url, { limits: { maxOrphanBytes: 1_000_000 } })
  hub.fail({ server: 'cdn' }, { kind: 'hang', afterBytes: 1000 })
  await taste(await registry.openBlob(ALPINE, layer.digest, CONTEXT))
  await untilCutOff(hub)
})

test('with enough downloads under way, another is told to come back, and one of them can be joined', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url, { limits: { maxFills: 1 } })
  const pause = hub.fail({ server: 'cdn' }, { kind: 'hang', afterBytes: 1000 })
  const first = await registry.openBlob(ALPINE, layer.digest, CONTEXT)
  await assert.rejects(registry.openBlob(ALPINE, other.digest, CONTEXT), {
    code: 'UNAVAILABLE',
    status: 503,
    headers: { 'Retry-After': '5' },
  })
  const second = await registry.openBlob(ALPINE, layer.digest, CONTEXT)
  pause.remove()
  assert((await readBlob(first)).equals(layer.bytes))
  assert((await readBlob(second)).equals(layer.bytes))
  await until('there is room again', () =>
    registry.openBlob(ALPINE, other.digest, CONTEXT).then(
      (blob) => readBlob(blob),
      () => undefined,
    ),
  )
})

test('a blob that the disk has no room for is streamed, checked, not kept, and ends with its client', async (t) => {
  const hub = await startHub(t, { images })
  const mirror = await startMirror(t, hub.url, { limits: { reserveBytes: Number.MAX_SAFE_INTEGER } })
  const open = () => mirror.registry.openBlob(ALPINE, layer.digest, CONTEXT)
  assert((await readBlob(await open())).equals(layer.bytes))
  assert.equal(await mirror.content.blobs.stat(layer.digest), undefined)
  const wrong = hub.fail({ server: 'cdn' }, { kind: 'wrong-bytes' })
  await assert.rejects(open().then((blob) => readBlob(blob)))
  wrong.remove()
  hub.fail({ server: 'cdn' }, { kind: 'hang', afterBytes: 500_000 })
  await taste(await open())
  await untilCutOff(hub)
})
