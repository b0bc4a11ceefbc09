import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { PeerLocks } from '../../../src/cache/peer-locks.ts'
import { UNWATCHED } from '../../../src/core/mirror/store-watch.ts'
import { parseRepositoryName } from '../../../src/oci/repository-name.ts'
import { parseTag } from '../../../src/oci/reference.ts'
import { startDockerRegistry } from '../../support/docker-registry.ts'
import { startHub, type Hub } from '../../support/hub.ts'
import { imageOf, multiArch } from '../../support/images.ts'
import { known } from '../../support/known.ts'
import { linkPeers } from '../../support/linked-peers.ts'
import { temporaryFolder } from '../../support/scope.ts'
import { until } from '../../support/until.ts'
import { ALPINE, CONTEXT, HOUR_MS, mirrored, readBlob, startMirror } from './mirror-fixture.ts'

const image = imageOf({ seed: 'alpine' })
const moved = imageOf({ seed: 'alpine, later' })
const images = { 'library/alpine:3.20': image }
const tag = known(parseTag('3.20'))

/** What the registry itself was asked, tokens aside. */
function asked(hub: Hub): string[] {
  return hub
    .received({ server: 'registry' })
    .flatMap(({ method, path, status }) =>
      status === 401 ? [] : [`${method} ${path.replace('/v2/library/', '')}`],
    )
}

test('the first pull of a tag asks the upstream once; within its TTL the next asks nothing', async (t) => {
  const hub = await startHub(t, { images })
  const { registry, clock } = await startMirror(t, hub.url)
  const first = await registry.getManifest(ALPINE, tag)
  assert.equal(first.cache, 'miss')
  assert.equal(first.manifest.digest, image.manifest.digest)
  assert.deepEqual(Buffer.from(first.manifest.bytes), image.manifest.bytes)
  assert.deepEqual(asked(hub), ['GET alpine/manifests/3.20'])
  hub.forgetRequests()
  clock.now += HOUR_MS - 1
  const second = await registry.getManifest(ALPINE, tag)
  assert.equal(second.cache, 'hit')
  assert.equal(second.ageSeconds, 3599)
  assert.equal(hub.requests.length, 0)
})

test('a hot tag and a hot digest are answered without the disk', async (t) => {
  const hub = await startHub(t, { images })
  const { registry, root } = await startMirror(t, hub.url)
  await registry.getManifest(ALPINE, tag)
  await rm(join(root, 'docker'), { recursive: true })
  await hub.down()
  assert.equal((await registry.getManifest(ALPINE, tag)).cache, 'hit')
  assert.equal((await registry.getManifest(ALPINE, image.manifest.digest)).cache, 'hit')
  assert.equal(registry.peekManifest(ALPINE, tag, CONTEXT)?.manifest.digest, image.manifest.digest)
})

test('what memory answers at once counts as used, too', async (t) => {
  const hub = await startHub(t, { images })
  const pulled: string[] = []
  const watch = { ...UNWATCHED, pulled: (_name: unknown, reference: string) => pulled.push(reference) }
  const { registry } = await startMirror(t, hub.url, { watch })
  assert.equal(registry.peekManifest(ALPINE, tag, CONTEXT), undefined)
  await registry.getManifest(ALPINE, tag)
  registry.peekManifest(ALPINE, tag, CONTEXT)
  registry.peekManifest(ALPINE, image.manifest.digest, CONTEXT)
  assert.deepEqual(pulled, [tag, tag, image.manifest.digest])
})

test('twenty clients that pull one cold tag at once cost one pull', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url)
  await Promise.all(Array.from({ length: 20 }, () => registry.getManifest(ALPINE, tag)))
  assert.deepEqual(asked(hub), ['GET alpine/manifests/3.20'])
})

test('processes that pull one cold tag or digest at once cost one pull together', async (t) => {
  const hub = await startHub(t, { images: { ...images, 'library/copy:1': image } })
  const link = linkPeers()
  const root = await temporaryFolder(t)
  const processes = await Promise.all(
    [link.primary, link.join(), link.join()].map((peers) =>
      startMirror(t, hub.url, { root, locks: new PeerLocks(peers, 'mirror') }),
    ),
  )
  const { digest } = image.manifest
  await Promise.all(processes.map(({ registry }) => registry.getManifest(ALPINE, tag)))
  await Promise.all(processes.map(({ registry }) => registry.getManifest(mirrored('library/copy'), digest)))
  for (const { clock } of processes) clock.now += HOUR_MS
  await Promise.all(processes.map(({ registry }) => registry.getManifest(ALPINE, tag)))
  assert.deepEqual(asked(hub), [
    'GET alpine/manifests/3.20',
    `HEAD copy/manifests/${digest}`,
    'HEAD alpine/manifests/3.20',
  ])
})

test('after its TTL a tag that stands costs one HEAD, and is fresh again', async (t) => {
  const hub = await startHub(t, { images })
  const { registry, clock } = await startMirror(t, hub.url)
  await registry.getManifest(ALPINE, tag)
  hub.forgetRequests()
  clock.now += HOUR_MS
  assert.equal((await registry.getManifest(ALPINE, tag)).cache, 'revalidated')
  assert.equal((await registry.getManifest(ALPINE, tag)).cache, 'hit')
  assert.deepEqual(asked(hub), ['HEAD alpine/manifests/3.20'])
})

test('after its TTL a tag that moved is fetched by its new digest', async (t) => {
  const hub = await startHub(t, { images })
  const { registry, clock } = await startMirror(t, hub.url)
  await registry.getManifest(ALPINE, tag)
  hub.add('library/alpine:3.20', moved)
  hub.forgetRequests()
  clock.now += HOUR_MS
  const answer = await registry.getManifest(ALPINE, tag)
  assert.equal(answer.manifest.digest, moved.manifest.digest)
  assert.deepEqual(asked(hub), [
    'HEAD alpine/manifests/3.20',
    `GET alpine/manifests/${moved.manifest.digest}`,
  ])
})

test('a tag that moves between HEAD and GET is fetched by its name', async (t) => {
  const hub = await startHub(t, { images })
  const { registry, clock } = await startMirror(t, hub.url)
  await registry.getManifest(ALPINE, tag)
  hub.add('library/alpine:3.20', moved)
  hub.fail({ method: 'GET', path: moved.manifest.digest }, { kind: 'status', status: 404 })
  clock.now += HOUR_MS
  assert.equal((await registry.getManifest(ALPINE, tag)).manifest.digest, moved.manifest.digest)
})

test('an upstream without digests in its HEAD, or without HEAD, is asked by GET', async (t) => {
  const hub = await startHub(t, { images })
  const { registry, clock } = await startMirror(t, hub.url)
  await registry.getManifest(ALPINE, tag)
  hub.add('library/alpine:3.20', moved)
  const mute = hub.fail({ method: 'HEAD' }, { kind: 'headers', set: { 'Docker-Content-Digest': undefined } })
  clock.now += HOUR_MS
  assert.equal((await registry.getManifest(ALPINE, tag)).manifest.digest, moved.manifest.digest)
  mute.remove()
  hub.fail({ method: 'HEAD' }, { kind: 'status', status: 405 })
  hub.add('library/alpine:3.20', image)
  clock.now += HOUR_MS
  assert.equal((await registry.getManifest(ALPINE, tag)).manifest.digest, image.manifest.digest)
})

test('what is cached outlives a restart, also with the upstream down', async (t) => {
  const hub = await startHub(t, { images })
  const { registry, root } = await startMirror(t, hub.url)
  await registry.getManifest(ALPINE, tag)
  await registry.close()
  await hub.down()
  const restarted = await startMirror(t, hub.url, { root })
  assert.equal((await restarted.registry.getManifest(ALPINE, tag)).cache, 'hit')
  restarted.clock.now += HOUR_MS
  assert.equal((await restarted.registry.getManifest(ALPINE, tag)).cache, 'stale')
})

test('an upstream that fails lets the cached tag be served as stale, with its age and a warning', async (t) => {
  const hub = await startHub(t, { images })
  const { registry, clock } = await startMirror(t, hub.url, { retryMs: 0 })
  await registry.getManifest(ALPINE, tag)
  clock.now += 2 * HOUR_MS
  const stale = async (): Promise<void> => {
    const answer = await registry.getManifest(ALPINE, tag)
    assert.equal(answer.cache, 'stale')
    assert.equal(answer.ageSeconds, 7200)
    assert.match(answer.warning ?? '', /may have moved/)
  }
  for (const status of [500, 503, 429]) {
    const fault = hub.fail({ server: 'registry' }, { kind: 'status', status })
    await stale()
    fault.remove()
  }
  await hub.down()
  await stale()
  await hub.up()
  assert.equal((await registry.getManifest(ALPINE, tag)).cache, 'revalidated')
})

test('an upstream that hangs is waited for only as long as the cached tag may wait', async (t) => {
  const hub = await startHub(t, { images })
  const { registry, clock } = await startMirror(t, hub.url, { revalidateTimeoutMs: 50 })
  await registry.getManifest(ALPINE, tag)
  clock.now += HOUR_MS
  const hang = hub.fail({ server: 'registry' }, { kind: 'hang' })
  assert.equal((await registry.getManifest(ALPINE, tag)).cache, 'stale')
  assert.equal(hang.hits, 1)
})

test('while an upstream hangs nobody else waits for it, and its late answer is not lost', async (t) => {
  const hub = await startHub(t, { images: { ...images, 'library/alpine:3.21': image } })
  const other = known(parseTag('3.21'))
  const { registry, clock } = await startMirror(t, hub.url, { revalidateTimeoutMs: 500 })
  await registry.getManifest(ALPINE, tag)
  await registry.getManifest(ALPINE, other)
  clock.now += HOUR_MS
  const hang = hub.fail({ server: 'registry' }, { kind: 'hang' })
  assert.equal((await registry.getManifest(ALPINE, tag)).cache, 'stale')
  assert.equal((await registry.getManifest(ALPINE, other)).cache, 'stale')
  // Answered before the question for it has even arrived.
  assert.equal(hang.hits, 1)
  hang.remove()
  for (const each of [tag, other])
    await until('the answer is there', async () => (await registry.getManifest(ALPINE, each)).cache === 'hit')
})

test('an upstream that failed is left alone for a while, and for as long as it asks', async (t) => {
  const hub = await startHub(t, { images })
  const { registry, clock } = await startMirror(t, hub.url, { retryMs: 5_000 })
  await registry.getManifest(ALPINE, tag)
  clock.now += HOUR_MS
  const fault = hub.fail({ server: 'registry' }, { kind: 'status', status: 429, retryAfter: 60 })
  await registry.getManifest(ALPINE, tag)
  clock.now += 59_999
  assert.equal((await registry.getManifest(ALPINE, tag)).cache, 'stale')
  assert.equal(fault.hits, 1)
  clock.now += 1
  fault.remove()
  assert.equal((await registry.getManifest(ALPINE, tag)).cache, 'revalidated')
})

test('an upstream that says no is believed: 401, 403 and 404 are never answered from the cache', async (t) => {
  const hub = await startHub(t, { images })
  const { registry, clock } = await startMirror(t, hub.url)
  await registry.getManifest(ALPINE, tag)
  clock.now += HOUR_MS
  const says = async (status: number, expected: { code: string; status: number }): Promise<void> => {
    const fault = hub.fail({ server: 'registry' }, { kind: 'status', status })
    await assert.rejects(registry.getManifest(ALPINE, tag), expected)
    fault.remove()
  }
  await says(401, { code: 'DENIED', status: 403 })
  await says(403, { code: 'DENIED', status: 403 })
  assert.equal((await registry.getManifest(ALPINE, tag)).cache, 'revalidated')
  clock.now += HOUR_MS
  await says(404, { code: 'MANIFEST_UNKNOWN', status: 404 })
})

test('a tag that the upstream took back does not come up again when it is down, and can come back', async (t) => {
  const hub = await startHub(t, { images: { ...images, 'library/alpine:3.21': moved } })
  const { registry, clock, root } = await startMirror(t, hub.url, { retryMs: 0, negativeTtlMs: 0 })
  const other = await startMirror(t, hub.url, { root, retryMs: 0, negativeTtlMs: 0 })
  await registry.getManifest(ALPINE, known(parseTag('3.21')))
  await registry.getManifest(ALPINE, tag)
  await other.registry.getManifest(ALPINE, tag)
  hub.deleteTag('library/alpine', '3.20')
  for (const each of [clock, other.clock]) each.now += HOUR_MS
  await assert.rejects(registry.getManifest(ALPINE, tag), { code: 'MANIFEST_UNKNOWN', status: 404 })
  await hub.down()
  await assert.rejects(registry.getManifest(ALPINE, tag), { code: 'UNAVAILABLE', status: 503 })
  // Nor from the memory of another process on the same store.
  await assert.rejects(other.registry.getManifest(ALPINE, tag), { code: 'UNAVAILABLE', status: 503 })
  assert.deepEqual(await registry.listTags(ALPINE, { limit: 9 }, CONTEXT), { items: ['3.21'], more: false })
  await hub.up()
  hub.add('library/alpine:3.20', image)
  assert.equal((await registry.getManifest(ALPINE, tag)).manifest.digest, image.manifest.digest)
})

test('with nothing cached a client hears what is wrong with the upstream', async (t) => {
  const hub = await startHub(t, { images, pullLimit: 0 })
  const { registry, clock } = await startMirror(t, hub.url)
  const unknown = known(parseTag('unknown'))
  await assert.rejects(registry.getManifest(ALPINE, unknown), { code: 'MANIFEST_UNKNOWN', status: 404 })
  await assert.rejects(registry.getManifest(mirrored('no/such'), tag), { code: 'DENIED', status: 403 })
  const limited = hub.fail({ server: 'registry' }, { kind: 'status', status: 429, retryAfter: 30 })
  await assert.rejects(registry.getManifest(ALPINE, tag), {
    code: 'TOOMANYREQUESTS',
    status: 429,
    headers: { 'Retry-After': '30' },
  })
  limited.remove()
  clock.now += 30_000
  await hub.down()
  await assert.rejects(registry.getManifest(ALPINE, tag), { code: 'UNAVAILABLE', status: 503 })
})

test('bytes of another repository are shown only after the upstream said that this one has them', async (t) => {
  const hub = await startHub(t, { images: { ...images, 'library/copy:1': image, 'library/other:1': moved } })
  const { registry } = await startMirror(t, hub.url)
  await registry.getManifest(ALPINE, tag)
  hub.forgetRequests()
  const { digest } = image.manifest
  const answer = await registry.getManifest(mirrored('library/copy'), digest)
  assert.equal(answer.manifest.digest, digest)
  assert.deepEqual(asked(hub), [`HEAD copy/manifests/${digest}`])
  await assert.rejects(registry.getManifest(mirrored('library/other'), digest), { code: 'MANIFEST_UNKNOWN' })
  await registry.getManifest(mirrored('library/copy'), digest)
  assert.equal(asked(hub).filter((line) => line.includes('copy')).length, 1)
})

test('a manifest with wrong bytes is not kept, and the next pull gets the right one', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url)
  await registry.listTags(ALPINE, { limit: 1 }, CONTEXT) // the login is done: the fault strikes the manifest itself
  hub.fail({ server: 'registry', path: 'manifests' }, { kind: 'wrong-bytes' }, { times: 1 })
  await assert.rejects(registry.getManifest(ALPINE, tag), { code: 'UNAVAILABLE', status: 502 })
  assert.equal((await registry.getManifest(ALPINE, tag)).manifest.digest, image.manifest.digest)
})

test('an index and its children come from the upstream as they are', async (t) => {
  const index = multiArch({ seed: 'multi', docker: true })
  const hub = await startHub(t, { images: { 'library/alpine:3.20': index } })
  const { registry } = await startMirror(t, hub.url)
  const { manifest } = await registry.getManifest(ALPINE, tag)
  assert.equal(manifest.mediaType, index.manifest.mediaType)
  for (const child of index.images) {
    const answer = await registry.getManifest(ALPINE, child.manifest.digest)
    assert.deepEqual(Buffer.from(answer.manifest.bytes), child.manifest.bytes)
  }
})

test('tags come from the upstream, or from what is cached while it is down', async (t) => {
  const hub = await startHub(t, { images: { ...images, 'library/alpine:3.21': moved } })
  const { registry } = await startMirror(t, hub.url)
  assert.deepEqual(await registry.listTags(ALPINE, { limit: 9 }, CONTEXT), {
    items: ['3.20', '3.21'],
    more: false,
  })
  await registry.getManifest(ALPINE, tag)
  await hub.down()
  assert.deepEqual(await registry.listTags(ALPINE, { limit: 9 }, CONTEXT), { items: ['3.20'], more: false })
  await assert.rejects(registry.listTags(mirrored('library/other'), { limit: 9 }, CONTEXT), {
    code: 'UNAVAILABLE',
  })
  assert.deepEqual(await registry.listRepositories({ limit: 9 }), { items: [ALPINE], more: false })
})

test('writes are refused, and a name of another namespace is unknown', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url)
  await assert.rejects(registry.putManifest(), { code: 'UNSUPPORTED', status: 405 })
  await assert.rejects(registry.deleteManifest(), { code: 'UNSUPPORTED', status: 405 })
  await assert.rejects(registry.deleteBlob(), { code: 'UNSUPPORTED', status: 405 })
  assert.equal(registry.uploads, undefined)
  const elsewhere = known(parseRepositoryName('ghcr.io/a/b'))
  await assert.rejects(registry.getManifest(elsewhere, tag), { code: 'NAME_UNKNOWN' })
})

test('a store that can not be used costs upstream requests, not answers', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url, { root: '/dev/null/no-folder' })
  assert.equal((await registry.getManifest(ALPINE, tag)).cache, 'miss')
  assert.equal((await registry.getManifest(ALPINE, tag)).cache, 'hit')
})

test('the folder is one that registry:2 serves, and registry:2 is an upstream like any other', async (t) => {
  const hub = await startHub(t, { images })
  const { registry, root, content } = await startMirror(t, hub.url)
  await registry.getManifest(ALPINE, tag)
  for (const { digest } of image.blobs) {
    await readBlob(await registry.openBlob(ALPINE, digest, CONTEXT))
    await until('the blob is kept', () => content.blobs.find(ALPINE, digest))
  }
  const server = await startDockerRegistry(t, { root })
  const second = await startMirror(t, server.url, { rewrite: undefined })
  const { manifest } = await second.registry.getManifest(ALPINE, tag)
  assert.equal(manifest.digest, image.manifest.digest)
  for (const { digest, bytes } of image.blobs)
    assert.deepEqual(await readBlob(await second.registry.openBlob(ALPINE, digest, CONTEXT)), bytes)
  second.clock.now += HOUR_MS
  assert.equal((await second.registry.getManifest(ALPINE, tag)).cache, 'revalidated')
})
