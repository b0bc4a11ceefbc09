import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { blobFolder } from '../../../src/core/content/layout.ts'
import { UNWATCHED } from '../../../src/core/mirror/store-watch.ts'
import { parseTag } from '../../../src/oci/reference.ts'
import { startHub } from '../../support/hub.ts'
import { imageOf } from '../../support/images.ts'
import { known } from '../../support/known.ts'
import type { Scope } from '../../support/scope.ts'
import { ALPINE, CONTEXT, HOUR_MS, mirrored, startMirror } from './mirror-fixture.ts'

const [first, second] = [imageOf({ seed: 'first' }), imageOf({ seed: 'second' })]
const [TAG, LATE] = [known(parseTag('3.20')), known(parseTag('3.21'))]
const START = Date.parse('2026-11-22T00:00:00Z')

/** 3.20 is the first image at the start and the second one two hours later, when 3.21 appears; at four it is gone. */
async function pastOf(t: Scope) {
  const hub = await startHub(t, { images: { 'library/alpine:3.20': first } })
  const { registry, clock, root } = await startMirror(t, hub.url)
  await registry.getManifest(ALPINE, TAG)
  clock.now = START + 2 * HOUR_MS
  hub.add('library/alpine:3.20', second)
  hub.add('library/alpine:3.21', second)
  await registry.getManifest(ALPINE, TAG)
  await registry.getManifest(ALPINE, LATE)
  hub.deleteTag('library/alpine', '3.20')
  clock.now = START + 4 * HOUR_MS
  await assert.rejects(registry.getManifest(ALPINE, TAG), { code: 'MANIFEST_UNKNOWN' })
  return {
    hub,
    root,
    asOf: (hours: number) => startMirror(t, hub.url, { root, asOf: START + hours * HOUR_MS }),
  }
}

test('a route as of a moment serves tags as they stood, and asks the upstream nothing', async (t) => {
  const { hub, asOf } = await pastOf(t)
  await hub.down()
  const [early, later, last] = [await asOf(1), await asOf(3), await asOf(5)]
  last.clock.now = START + 6 * HOUR_MS
  for (const { clock } of [early, later]) clock.now = START + 6 * HOUR_MS
  assert.equal((await early.registry.getManifest(ALPINE, TAG)).manifest.digest, first.manifest.digest)
  assert.equal((await early.registry.getManifest(ALPINE, TAG)).cache, 'hit')
  assert.equal((await later.registry.getManifest(ALPINE, TAG)).manifest.digest, second.manifest.digest)
  const unknown = { code: 'MANIFEST_UNKNOWN', status: 404, message: /not known as of 2026-11-22T0/ }
  await assert.rejects(early.registry.getManifest(ALPINE, LATE), unknown)
  await assert.rejects(last.registry.getManifest(ALPINE, TAG), unknown)
})

test('tags are listed as they stood', async (t) => {
  const { asOf } = await pastOf(t)
  const listAt = async (hours: number) => {
    const { registry, clock } = await asOf(hours)
    clock.now = START + 6 * HOUR_MS
    return (await registry.listTags(ALPINE, { limit: 9 }, CONTEXT)).items
  }
  assert.deepEqual(await listAt(1), ['3.20'])
  assert.deepEqual(await listAt(3), ['3.20', '3.21'])
  assert.deepEqual(await listAt(5), ['3.21'])
  const { registry, clock } = await asOf(3)
  clock.now = START + 6 * HOUR_MS
  assert.deepEqual(await registry.listTags(ALPINE, { limit: 1 }, CONTEXT), { items: ['3.20'], more: true })
  const next = await registry.listTags(ALPINE, { limit: 1, last: '3.20' }, CONTEXT)
  assert.deepEqual(next, { items: ['3.21'], more: false })
  await assert.rejects(registry.listTags(mirrored('library/other'), { limit: 9 }, CONTEXT), {
    code: 'NAME_UNKNOWN',
  })
})

test('until its moment has come, a route serves tags of now', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:3.20': first } })
  const { registry, clock } = await startMirror(t, hub.url, { asOf: START + 2 * HOUR_MS })
  await registry.getManifest(ALPINE, TAG)
  clock.now += HOUR_MS
  hub.add('library/alpine:3.20', second)
  assert.equal((await registry.getManifest(ALPINE, TAG)).manifest.digest, second.manifest.digest)
  hub.add('library/alpine:3.20', first)
  clock.now += 10 * HOUR_MS
  assert.equal((await registry.getManifest(ALPINE, TAG)).manifest.digest, second.manifest.digest)
})

test('bytes of the past that are not here any more are fetched again', async (t) => {
  const { asOf, root } = await pastOf(t)
  await rm(join(root, blobFolder(first.manifest.digest)), { recursive: true })
  const { registry, clock } = await asOf(1)
  clock.now = START + 6 * HOUR_MS
  const answer = await registry.getManifest(ALPINE, TAG)
  assert.deepEqual([answer.cache, answer.manifest.digest], ['miss', first.manifest.digest])
})

test('what is pulled as of a moment counts as used, also where its tag means something else by now', async (t) => {
  const { asOf } = await pastOf(t)
  const { root } = await asOf(1)
  const pulled: string[] = []
  const watch = { ...UNWATCHED, pulled: (_name: unknown, reference: string) => pulled.push(reference) }
  const hub = await startHub(t)
  const { registry } = await startMirror(t, hub.url, { root, asOf: START, watch })
  await registry.getManifest(ALPINE, TAG)
  const digest = first.manifest.digest
  assert.deepEqual(pulled.splice(0), [TAG, digest])
  registry.peekManifest(ALPINE, TAG, CONTEXT)
  assert.deepEqual(pulled.splice(0), [TAG, digest])
})
