import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { blobFolder, tagFolder } from '../../../src/core/content/layout.ts'
import { judge, type HoldOptions } from '../../../src/core/mirror/tag-hold.ts'
import { digestOf, type Digest } from '../../../src/oci/digest.ts'
import { parseTag } from '../../../src/oci/reference.ts'
import { startHub, type Hub } from '../../support/hub.ts'
import { imageOf, type Image } from '../../support/images.ts'
import { known } from '../../support/known.ts'
import { ALPINE, HOUR_MS, startMirror, type MirrorFixture } from './mirror-fixture.ts'

const [A, B, C] = [digestOf('a'), digestOf('b'), digestOf('c')]
const [first, second, third] = [imageOf({ seed: '1' }), imageOf({ seed: '2' }), imageOf({ seed: '3' })]
const TAG = known(parseTag('3.20'))
const DAY_MS = 24 * HOUR_MS
const HOLD: HoldOptions = { holdMs: 3 * DAY_MS, holdsFirst: false, isExempt: () => false, key: 'three days' }

function held(hub: Hub, fixture: Omit<MirrorFixture, 'content'>) {
  const { registry, clock } = fixture
  return {
    move: (image: Image) => hub.add('library/alpine:3.20', image),
    after: async (ms: number): Promise<Digest> => {
      clock.now += ms
      return (await registry.getManifest(ALPINE, TAG)).manifest.digest
    },
  }
}

test('judge lets through what stood long enough, came first, is exempt, or was let through before', () => {
  const run = (digest: Digest | undefined, firstSeenAt: number, lastSeenAt: number) => ({
    digest,
    firstSeenAt,
    lastSeenAt,
  })
  const rules = { holdMs: 10, holdsFirst: false }
  const none = () => false
  const runs = [run(A, 0, 3), run(B, 5, 5)]
  assert.deepEqual(judge(runs, 14, none, rules), { served: A, held: { digest: B, until: 15 } })
  assert.deepEqual(judge(runs, 15, none, rules), { served: B, held: undefined })
  assert.deepEqual(
    judge(runs, 6, (digest) => digest === B, rules),
    { served: B, held: undefined },
  )
  // B was replaced before it had stood long enough, however long ago that is.
  const replaced = [...runs, run(C, 9, 9)]
  assert.deepEqual(judge(replaced, 18, none, rules), { served: A, held: { digest: C, until: 19 } })
  assert.deepEqual(judge([...replaced, run(A, 18, 18)], 18, none, rules), { served: A, held: undefined })
  // A tag that was away has not stood meanwhile.
  const away = [run(A, 0, 3), run(undefined, 4, 4), run(B, 5, 5)]
  assert.deepEqual(judge(away, 6, none, rules), { served: A, held: { digest: B, until: 15 } })
  const strict = { holdMs: 10, holdsFirst: true }
  assert.deepEqual(judge([run(A, 0, 0)], 9, none, strict), {
    served: undefined,
    held: { digest: A, until: 10 },
  })
  assert.deepEqual(judge([run(A, 0, 0)], 10, none, strict), { served: A, held: undefined })
})

test('a tag that moved keeps its meaning until the new one has stood for the hold, without being fetched', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:3.20': first } })
  const fixture = await startMirror(t, hub.url, { hold: HOLD, tagTtlMs: () => 2 * DAY_MS })
  const { move, after } = held(hub, fixture)
  assert.equal(await after(0), first.manifest.digest)
  move(second)
  hub.forgetRequests()
  assert.equal(await after(2 * DAY_MS), first.manifest.digest)
  const { warning } = await fixture.registry.getManifest(ALPINE, TAG)
  assert.match(warning ?? '', new RegExp(`${second.manifest.digest} is held until 2026-11-27T00:00:00`))
  assert.equal(hub.received({ method: 'GET', path: 'manifests' }).length, 0)
  assert.equal(await after(3 * DAY_MS - 1), first.manifest.digest)
  // Neither a moment earlier nor, for the TTL, later.
  assert.equal(await after(1), second.manifest.digest)
})

test('what was replaced during its hold is never served', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:3.20': first } })
  const { move, after } = held(hub, await startMirror(t, hub.url, { hold: HOLD }))
  await after(0)
  move(second)
  assert.equal(await after(DAY_MS), first.manifest.digest)
  move(third)
  assert.equal(await after(2.5 * DAY_MS), first.manifest.digest)
  assert.equal(await after(DAY_MS), first.manifest.digest)
  assert.equal(await after(2 * DAY_MS), third.manifest.digest)
})

test('a hold outlives restarts and is the same in every process', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:3.20': first } })
  const one = await startMirror(t, hub.url, { hold: HOLD })
  await held(hub, one).after(0)
  hub.add('library/alpine:3.20', second)
  await held(hub, one).after(DAY_MS)
  await one.registry.close()
  const two = await startMirror(t, hub.url, { hold: HOLD, root: one.root })
  assert.equal(await held(hub, two).after(3 * DAY_MS), first.manifest.digest)
  assert.equal(await held(hub, two).after(DAY_MS), second.manifest.digest)
})

test('a hold that is put on takes back what came in too lately, also while the upstream is down', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:3.20': first } })
  const free = await startMirror(t, hub.url)
  await held(hub, free).after(0)
  hub.add('library/alpine:3.20', second)
  assert.equal(await held(hub, free).after(DAY_MS), second.manifest.digest)
  await hub.down()
  const quarantined = await startMirror(t, hub.url, { hold: HOLD, root: free.root })
  assert.equal(await held(hub, quarantined).after(DAY_MS), first.manifest.digest)
  await hub.up()
  assert.equal(await held(hub, quarantined).after(2 * DAY_MS), first.manifest.digest)
  // And lets go of everything when it is taken off.
  const again = await startMirror(t, hub.url, { root: free.root })
  again.clock.now = quarantined.clock.now
  assert.equal(await held(hub, again).after(1), second.manifest.digest)
})

test('what is exempt is let through at once, by changed rules also what was held before', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:3.20': first } })
  const one = await startMirror(t, hub.url, { hold: HOLD })
  await held(hub, one).after(0)
  hub.add('library/alpine:3.20', second)
  assert.equal(await held(hub, one).after(HOUR_MS), first.manifest.digest)
  const fix: HoldOptions = {
    ...HOLD,
    key: 'with a fix',
    isExempt: (_repository, _tag, digest) => digest === second.manifest.digest,
  }
  const two = await startMirror(t, hub.url, { hold: fix, root: one.root })
  assert.equal(await held(hub, two).after(HOUR_MS), second.manifest.digest)
})

test('nobody gets what is held in place of what is gone, or of a first digest that is held too', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:3.20': first } })
  const one = await startMirror(t, hub.url, { hold: HOLD })
  await held(hub, one).after(0)
  await one.registry.close()
  await rm(join(one.root, blobFolder(first.manifest.digest)), { recursive: true })
  await rm(join(one.root, tagFolder(ALPINE, TAG)), { recursive: true })
  hub.add('library/alpine:3.20', second)
  hub.fail({ path: first.manifest.digest }, { kind: 'status', status: 404 })
  const two = await startMirror(t, hub.url, { hold: HOLD, root: one.root })
  await assert.rejects(held(hub, two).after(HOUR_MS), {
    code: 'DENIED',
    status: 403,
    message: /is held until/,
  })
  const strict = await startMirror(t, hub.url, { hold: { ...HOLD, holdsFirst: true } })
  await assert.rejects(held(hub, strict).after(0), { code: 'DENIED', status: 403, message: /is held until/ })
  assert.equal(await held(hub, strict).after(3 * DAY_MS), second.manifest.digest)
})
