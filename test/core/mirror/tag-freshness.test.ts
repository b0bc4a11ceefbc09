import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseTag } from '../../../src/oci/reference.ts'
import { startHub, type Hub } from '../../support/hub.ts'
import { imageOf } from '../../support/images.ts'
import { known } from '../../support/known.ts'
import { until } from '../../support/until.ts'
import { ALPINE, CONTEXT, HOUR_MS, startMirror } from './mirror-fixture.ts'

const image = imageOf({ seed: 'alpine' })
const moved = imageOf({ seed: 'alpine, later' })
const images = { 'library/alpine:3.20': image }
const TAG = known(parseTag('3.20'))

/** What was asked of manifests, tokens aside. */
function asked(hub: Hub): string[] {
  return hub
    .received({ server: 'registry', path: 'manifests' })
    .flatMap(({ method, status }) => (status === 401 ? [] : [method]))
}

test('with stale-while-revalidate nobody waits: the old tag is answered, the next one has moved', async (t) => {
  const hub = await startHub(t, { images })
  const { registry, clock } = await startMirror(t, hub.url, { staleWhileRevalidateMs: HOUR_MS })
  await registry.getManifest(ALPINE, TAG)
  hub.add('library/alpine:3.20', moved)
  clock.now += HOUR_MS
  const hang = hub.fail({ server: 'registry' }, { kind: 'hang' })
  const first = await registry.getManifest(ALPINE, TAG)
  assert.deepEqual([first.cache, first.manifest.digest], ['stale', image.manifest.digest])
  assert.match(first.warning ?? '', /is being asked/)
  // Those who come meanwhile start no second question.
  await registry.getManifest(ALPINE, TAG)
  hang.remove()
  await until('the tag has moved', async () => {
    const answer = await registry.getManifest(ALPINE, TAG)
    return answer.cache === 'hit' && answer.manifest.digest === moved.manifest.digest
  })
  assert.deepEqual(asked(hub), ['GET', 'HEAD', 'GET'])
  // Beyond its time a tag is waited for.
  clock.now += 2 * HOUR_MS
  assert.notEqual((await registry.getManifest(ALPINE, TAG)).cache, 'stale')
})

test('with stale-while-revalidate a no that nobody waited for is heard by the next who asks', async (t) => {
  const hub = await startHub(t, { images })
  const { registry, clock } = await startMirror(t, hub.url, { staleWhileRevalidateMs: 100 * HOUR_MS })
  const saysNo = async (status: number, code: string): Promise<void> => {
    clock.now += HOUR_MS
    const no = hub.fail({ server: 'registry', method: 'HEAD' }, { kind: 'status', status })
    assert.equal((await registry.getManifest(ALPINE, TAG)).cache, 'stale')
    await until('the no is heard', () =>
      registry.getManifest(ALPINE, TAG).then(
        () => false,
        (error: unknown) => error instanceof Error && 'code' in error && error.code === code,
      ),
    )
    no.remove()
  }
  await registry.getManifest(ALPINE, TAG)
  await saysNo(403, 'DENIED')
  assert.equal((await registry.getManifest(ALPINE, TAG)).cache, 'revalidated')
  hub.deleteTag('library/alpine', '3.20')
  await saysNo(404, 'MANIFEST_UNKNOWN')
})

test('stale-if-error ends when its time is over, and can be switched off', async (t) => {
  const hub = await startHub(t, { images })
  const bounded = await startMirror(t, hub.url, { staleIfErrorMs: HOUR_MS, retryMs: 0 })
  const off = await startMirror(t, hub.url, { staleIfErrorMs: 0, retryMs: 0 })
  for (const { registry, clock } of [bounded, off]) {
    await registry.getManifest(ALPINE, TAG)
    clock.now += HOUR_MS
  }
  await hub.down()
  assert.equal((await bounded.registry.getManifest(ALPINE, TAG)).cache, 'stale')
  const unavailable = { code: 'UNAVAILABLE', status: 503 }
  await assert.rejects(off.registry.getManifest(ALPINE, TAG), unavailable)
  await assert.rejects(off.registry.listTags(ALPINE, { limit: 9 }, CONTEXT), unavailable)
  bounded.clock.now += HOUR_MS
  await assert.rejects(bounded.registry.getManifest(ALPINE, TAG), unavailable)
})

test('what the upstream does not have is asked for again only moments later', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:other': image } })
  const { registry, clock } = await startMirror(t, hub.url, { negativeTtlMs: 2_000 })
  const ask = () => registry.getManifest(ALPINE, TAG)
  await assert.rejects(ask(), { code: 'MANIFEST_UNKNOWN', status: 404 })
  await assert.rejects(ask(), { code: 'MANIFEST_UNKNOWN', status: 404 })
  assert.deepEqual(asked(hub), ['GET'])
  hub.add('library/alpine:3.20', image)
  clock.now += 2_000
  assert.equal((await ask()).manifest.digest, image.manifest.digest)
})

test('a refused login is not remembered: the next pull works', async (t) => {
  const hub = await startHub(t, { images })
  const { registry } = await startMirror(t, hub.url)
  for (const status of [401, 403]) {
    const no = hub.fail({ server: 'registry' }, { kind: 'status', status })
    await assert.rejects(registry.getManifest(ALPINE, TAG), { code: 'DENIED', status: 403 })
    no.remove()
  }
  assert.equal((await registry.getManifest(ALPINE, TAG)).cache, 'miss')
})

test('the less is left of a quota, the longer a tag is good for', async (t) => {
  const hub = await startHub(t, { images })
  const quota = { share: 1, remainingShare: () => quota.share, isReserveOnly: () => false }
  const { registry, clock } = await startMirror(t, hub.url, { quota })
  await registry.getManifest(ALPINE, TAG)
  const verdictAfter = async (share: number, hours: number) => {
    quota.share = share
    clock.now += hours * HOUR_MS
    return (await registry.getManifest(ALPINE, TAG)).cache
  }
  assert.equal(await verdictAfter(0.5, 1), 'revalidated')
  assert.equal(await verdictAfter(0.25, 1), 'hit')
  assert.equal(await verdictAfter(0.25, 1), 'revalidated')
  assert.equal(await verdictAfter(0, 7.9), 'hit')
  assert.equal(await verdictAfter(0, 0.1), 'revalidated')
})

test('when only the reserve of the quota is left, a tag that moved is served as it was, and new ones are pulled', async (t) => {
  const hub = await startHub(t, { images: { ...images, 'library/alpine:3.21': moved } })
  const quota = { isScarce: true, remainingShare: () => 1, isReserveOnly: () => quota.isScarce }
  const { registry, clock } = await startMirror(t, hub.url, { quota })
  await registry.getManifest(ALPINE, TAG)
  clock.now += HOUR_MS
  assert.equal((await registry.getManifest(ALPINE, TAG)).cache, 'revalidated')
  hub.add('library/alpine:3.20', imageOf({ seed: 'third' }))
  hub.forgetRequests()
  clock.now += HOUR_MS
  const kept = await registry.getManifest(ALPINE, TAG)
  assert.deepEqual([kept.cache, kept.manifest.digest], ['stale', image.manifest.digest])
  assert.match(kept.warning ?? '', /pulls that are left/)
  await registry.getManifest(ALPINE, TAG)
  assert.deepEqual(asked(hub), ['HEAD'])
  // What is here already costs nothing, and what is not here is what the reserve is for.
  await registry.getManifest(ALPINE, known(parseTag('3.21')))
  hub.moveTag('library/alpine', '3.20', moved.manifest.digest)
  clock.now += HOUR_MS
  assert.equal((await registry.getManifest(ALPINE, TAG)).manifest.digest, moved.manifest.digest)
  hub.add('library/alpine:3.20', image)
  quota.isScarce = false
  clock.now += HOUR_MS
  assert.equal((await registry.getManifest(ALPINE, TAG)).manifest.digest, image.manifest.digest)
})

test('the quota that the upstream tells of with every answer is the one that counts', async (t) => {
  const hub = await startHub(t, { images, pullLimit: 1 })
  const { registry, clock } = await startMirror(t, hub.url)
  await registry.getManifest(ALPINE, TAG)
  hub.add('library/alpine:3.20', moved)
  clock.now += 8 * HOUR_MS
  // The window has passed, so that the upstream is asked; its HEAD says that nothing is left.
  assert.equal((await registry.getManifest(ALPINE, TAG)).cache, 'stale')
  assert.deepEqual(asked(hub), ['GET', 'HEAD'])
  hub.limitPulls(100)
  clock.now += 8 * HOUR_MS
  assert.equal((await registry.getManifest(ALPINE, TAG)).manifest.digest, moved.manifest.digest)
})
