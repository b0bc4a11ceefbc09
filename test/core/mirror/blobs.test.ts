import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { buffer } from 'node:stream/consumers'
import type { Digest } from '../../../src/oci/digest.ts'
import { isSendable } from '../../../src/storage/driver.ts'
import { startHub, type Hub } from '../../support/hub.ts'
import { imageOf } from '../../support/images.ts'
import { known } from '../../support/known.ts'
import { temporaryFolder } from '../../support/scope.ts'
import { until } from '../../support/until.ts'
import { ALPINE, CONTEXT, mirrored, readBlob, startMirror, type MirrorFixture } from './mirror-fixture.ts'

const image = imageOf({ seed: 'blobs', layerBytes: 2_000_000 })
const layer = known(image.layers[0])
const images = { 'library/alpine:3.20': image }

function downloads(hub: Hub): number {
  return hub.received({ server: 'cdn', method: 'GET' }).length
}

async function isKept({ content }: MirrorFixture, digest: Digest): Promise<boolean> {
  return (await content.blobs.find(ALPINE, digest)) !== undefined
}

/** What lies in the folder of blobs on their way, or of bytes that were never committed. */
async function leftovers(root: string): Promise<string[]> {
  const staging = await readdir(join(root, 'docker/registry/v2/_staging')).catch(() => [])
  const spooled = await readdir(join(root, '_spool'), { recursive: true }).catch(() => [])
  return [...staging, ...spooled.filter((name) => /\.(claim|data)/.test(name))]
}

test('a cold blob is streamed and kept; the next pull asks the upstream nothing', async (t) => {
  const hub = await startHub(t, { images })
  const mirror = await startMirror(t, hub.url)
  const cold = await mirror.registry.openBlob(ALPINE, layer.digest, CONTEXT)
  assert.equal(cold.size, layer.size)
  assert.equal(cold.cache, 'miss')
  assert.deepEqual(await readBlob(cold), layer.bytes)
  await until('the blob is kept', () => isKept(mirror, layer.digest))
  await until('nothing is left over', async () => (await leftovers(mirror.root)).length === 0)
  hub.forgetRequests()
  const warm = await mirror.registry.openBlob(ALPINE, layer.digest, CONTEXT)
  assert.equal(warm.cache, 'hit')
  const stream = await warm.read()
  assert(isSendable(stream), "the store's own stream, which can be sent without a pipe")
  stream.destroy()
  assert.deepEqual(await readBlob(warm), layer.bytes)
  assert.equal(hub.requests.length, 0)
})

test('our login goes to the token service and nowhere else', async (t) => {
  const hub = await startHub(t, {
    images,
    accounts: { acme: 'secret' },
    privateRepositories: ['library/alpine'],
  })
  const { registry } = await startMirror(t, hub.url, {
    credentials: { username: 'acme', password: 'secret' },
  })
  await readBlob(await registry.openBlob(ALPINE, layer.digest, CONTEXT))
  assert.deepEqual(hub.leaks(), [])
  const basic = hub.requests.filter(({ headers }) => headers.authorization?.startsWith('Basic '))
  assert.deepEqual(new Set(basic.map(({ server }) => server)), new Set(['token']))
})

test('many clients of one cold blob share one download, each at its own pace', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url)
  const blobs = await Promise.all(
    Array.from({ length: 20 }, () => registry.openBlob(ALPINE, layer.digest, CONTEXT)),
  )
  const slow = await known(blobs[0]).read()
  const bodies = await Promise.all(blobs.slice(1).map((blob) => readBlob(blob)))
  for (const body of bodies) assert(body.equals(layer.bytes))
  assert((await buffer(slow)).equals(layer.bytes))
  known(blobs[0]).release()
  assert.equal(downloads(hub), 1)
})

test('a download goes on when the client that began it leaves', async (t) => {
  const hub = await startHub(t, { images })
  const mirror = await startMirror(t, hub.url)
  const pause = hub.fail({ server: 'cdn' }, { kind: 'hang', afterBytes: 1000 })
  const gone = new AbortController()
  const blob = await mirror.registry.openBlob(ALPINE, layer.digest, { ...CONTEXT, signal: gone.signal })
  const body = await blob.read()
  await new Promise((resolve) => body.once('data', resolve))
  body.destroy()
  gone.abort()
  blob.release()
  pause.remove()
  await until('the blob is kept', () => isKept(mirror, layer.digest))
  assert.equal(downloads(hub), 1)
})

test('a range of a cold blob is answered before the download has ended', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url)
  const pause = hub.fail({ server: 'cdn' }, { kind: 'hang', afterBytes: 100_000 })
  const blob = await registry.openBlob(ALPINE, layer.digest, CONTEXT)
  assert.deepEqual(await readBlob(blob, { start: 5_000, end: 90_000 }), layer.bytes.subarray(5_000, 90_001))
  pause.remove()
  const tail = await registry.openBlob(ALPINE, layer.digest, CONTEXT)
  const range = { start: layer.size - 10, end: layer.size - 1 }
  assert.deepEqual(await readBlob(tail, range), layer.bytes.subarray(-10))
})

test('HEAD of a cold blob downloads nothing', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url)
  assert.deepEqual(await registry.statBlob(ALPINE, layer.digest, CONTEXT), {
    size: layer.size,
    cache: 'miss',
  })
  assert.equal(hub.received({ server: 'cdn' }).length, 0)
})

test('a wrong blob is never given out whole and never kept', async (t) => {
  const hub = await startHub(t, { images })
  const mirror = await startMirror(t, hub.url)
  hub.fail({ server: 'cdn' }, { kind: 'wrong-bytes' }, { times: 1 })
  const blob = await mirror.registry.openBlob(ALPINE, layer.digest, CONTEXT)
  let received = 0
  const body = await blob.read()
  body.on('data', (chunk: Buffer) => (received += chunk.length))
  await assert.rejects(new Promise((resolve, reject) => body.once('end', resolve).once('error', reject)))
  blob.release()
  assert(received < layer.size, 'at least the last byte is held back')
  await until('nothing is left over', async () => (await leftovers(mirror.root)).length === 0)
  assert.equal(await mirror.content.blobs.stat(layer.digest), undefined)
  const again = await mirror.registry.openBlob(ALPINE, layer.digest, CONTEXT)
  assert((await readBlob(again)).equals(layer.bytes))
})

test('a blob that is shorter or longer than it should be is never given out whole', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url)
  const fails = async (by: number): Promise<void> => {
    const fault = hub.fail({ server: 'cdn' }, { kind: 'wrong-length', by })
    await assert.rejects(registry.openBlob(ALPINE, layer.digest, CONTEXT).then((blob) => readBlob(blob)))
    fault.remove()
  }
  await fails(-1)
  await fails(1)
  assert((await readBlob(await registry.openBlob(ALPINE, layer.digest, CONTEXT))).equals(layer.bytes))
})

test('a download that breaks off is taken up where it was', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url)
  hub.fail({ server: 'cdn' }, { kind: 'truncate', afterBytes: 700_000 }, { times: 1 })
  assert((await readBlob(await registry.openBlob(ALPINE, layer.digest, CONTEXT))).equals(layer.bytes))
  const [, resumedAt] =
    /^bytes=(\d+)-/.exec(hub.received({ server: 'cdn' }).at(-1)?.headers.range ?? '') ?? []
  assert(Number(resumedAt) > 0, `taken up at ${resumedAt}`)
})

test('an upstream that breaks off for good resets its clients, and a later pull works', async (t) => {
  const hub = await startHub(t, { images })
  const mirror = await startMirror(t, hub.url)
  const fault = hub.fail({ server: 'cdn' }, { kind: 'reset', afterBytes: 1000 })
  const blob = await mirror.registry.openBlob(ALPINE, layer.digest, CONTEXT)
  await assert.rejects(readBlob(blob))
  fault.remove()
  assert((await readBlob(await mirror.registry.openBlob(ALPINE, layer.digest, CONTEXT))).equals(layer.bytes))
})

test('a blob that the upstream does not have, or can not send, is an error before the first byte', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url)
  const { digest } = imageOf({ seed: 'another' }).config
  await assert.rejects(registry.openBlob(ALPINE, digest, CONTEXT), { code: 'BLOB_UNKNOWN', status: 404 })
  await assert.rejects(registry.statBlob(ALPINE, digest, CONTEXT), { code: 'BLOB_UNKNOWN', status: 404 })
  await hub.down()
  await assert.rejects(registry.openBlob(ALPINE, layer.digest, CONTEXT), { code: 'UNAVAILABLE', status: 503 })
})

test('bytes of another repository are given out after a HEAD, and never downloaded again', async (t) => {
  const hub = await startHub(t, {
    images: { ...images, 'library/copy:1': image, 'library/other:1': imageOf() },
  })
  const mirror = await startMirror(t, hub.url)
  await readBlob(await mirror.registry.openBlob(ALPINE, layer.digest, CONTEXT))
  await until('the blob is kept', () => isKept(mirror, layer.digest))
  const copy = await mirror.registry.openBlob(mirrored('library/copy'), layer.digest, CONTEXT)
  assert.equal(copy.cache, 'revalidated')
  assert((await readBlob(copy)).equals(layer.bytes))
  await assert.rejects(mirror.registry.openBlob(mirrored('library/other'), layer.digest, CONTEXT), {
    code: 'BLOB_UNKNOWN',
  })
  assert.equal(downloads(hub), 1)
})

test('a second repository joins a download under way once the upstream lets it, and holds the blob afterwards', async (t) => {
  const hub = await startHub(t, {
    images: { ...images, 'library/copy:1': image, 'library/other:1': imageOf() },
  })
  const mirror = await startMirror(t, hub.url)
  const pause = hub.fail({ server: 'cdn' }, { kind: 'hang', afterBytes: 1000 })
  const first = await mirror.registry.openBlob(ALPINE, layer.digest, CONTEXT)
  const second = await mirror.registry.openBlob(mirrored('library/copy'), layer.digest, CONTEXT)
  await assert.rejects(mirror.registry.openBlob(mirrored('library/other'), layer.digest, CONTEXT), {
    code: 'BLOB_UNKNOWN',
  })
  pause.remove()
  assert((await readBlob(first)).equals(layer.bytes))
  assert((await readBlob(second)).equals(layer.bytes))
  await until('both hold it', async () => {
    const copy = await mirror.content.blobs.find(mirrored('library/copy'), layer.digest)
    return copy !== undefined && isKept(mirror, layer.digest)
  })
  assert.equal(downloads(hub), 1)
})

test('without room on the disk blobs are streamed, checked and not kept', async (t) => {
  const hub = await startHub(t, { images })
  const { registry, content } = await startMirror(t, hub.url, { spoolFolder: '/dev/null/no-folder' })
  assert((await readBlob(await registry.openBlob(ALPINE, layer.digest, CONTEXT))).equals(layer.bytes))
  assert.equal(await content.blobs.stat(layer.digest), undefined)
  hub.fail({ server: 'cdn' }, { kind: 'wrong-bytes' })
  await assert.rejects(registry.openBlob(ALPINE, layer.digest, CONTEXT).then((blob) => readBlob(blob)))
})

test('a store that fails while a blob is coming does not disturb its clients', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url, {
    root: '/dev/null/no-folder',
    spoolFolder: await temporaryFolder(t),
  })
  assert((await readBlob(await registry.openBlob(ALPINE, layer.digest, CONTEXT))).equals(layer.bytes))
})

test('closing breaks off what is under way', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url)
  hub.fail({ server: 'cdn' }, { kind: 'hang', afterBytes: 1000 })
  const blob = await registry.openBlob(ALPINE, layer.digest, CONTEXT)
  const read = assert.rejects(readBlob(blob))
  await registry.close()
  await read
})

test('that a blob is refused to one repository is no word about another one that asks meanwhile', async (t) => {
  const hub = await startHub(t, { images: { ...images, 'library/other:1': imageOf() } })
  const { registry } = await startMirror(t, hub.url)
  const hang = hub.fail({ method: 'GET', path: 'library/other/blobs' }, { kind: 'hang' })
  const refused = assert.rejects(registry.openBlob(mirrored('library/other'), layer.digest, CONTEXT), {
    code: 'BLOB_UNKNOWN',
  })
  await until('the upstream is asked for the other one', () => hang.hits === 1)
  const asked = registry.openBlob(ALPINE, layer.digest, CONTEXT)
  await until('the upstream said that this one has it', () =>
    hub.received({ method: 'HEAD', path: 'library/alpine/blobs' }).some(({ status }) => status !== undefined),
  )
  await registry.statBlob(ALPINE, layer.digest, CONTEXT)
  hang.remove()
  await refused
  assert((await readBlob(await asked)).equals(layer.bytes))
})
