import assert from 'node:assert/strict'
import { test } from 'node:test'
import { planEviction, type EvictionRules } from '../../../../src/core/mirror/eviction/eviction-plan.ts'
import type { SurveyedManifest } from '../../../../src/core/mirror/eviction/survey.ts'
import { digestOf, type Digest } from '../../../../src/oci/digest.ts'
import { ALPINE } from '../mirror-fixture.ts'

const SIZE = 100

/** Manifests by name, with the names of the blobs that they need; every blob has 100 bytes, manifests none. */
function planOf(
  written: Record<string, Partial<Omit<SurveyedManifest, 'needs'>> & { blobs: string[] }>,
  rules: Partial<EvictionRules>,
  loose: Record<string, number> = {},
): { manifests: string[]; blobs: string[] } {
  const names = new Map<Digest, string>()
  const digest = (name: string): Digest => {
    names.set(digestOf(name), name)
    return digestOf(name)
  }
  const manifests = Object.entries(written).map(([name, { blobs, ...rest }]): SurveyedManifest => ({
    repository: ALPINE,
    digest: digest(name),
    tags: [],
    needs: blobs.map(digest),
    isIndex: false,
    usedAt: 0,
    isPinned: false,
    ...rest,
  }))
  const all = [...new Set(manifests.flatMap(({ needs }) => needs))]
  const blobs = new Map(all.map((each) => [each, { size: SIZE, keptAt: 0 }]))
  for (const [name, keptAt] of Object.entries(loose)) blobs.set(digest(name), { size: SIZE, keptAt })
  const survey = { manifests, blobs, bytes: blobs.size * SIZE }
  const plan = planEviction(survey, { maxBytes: undefined, unusedBefore: undefined, ...rules })
  return {
    manifests: plan.manifests.map((each) => names.get(each.digest) ?? ''),
    blobs: plan.blobs.map((each) => names.get(each) ?? ''),
  }
}

const THREE = {
  newest: { usedAt: 3, blobs: ['c'] },
  oldest: { usedAt: 1, blobs: ['a'] },
  middle: { usedAt: 2, blobs: ['b'] },
}

test('a store within its limit keeps everything', () => {
  assert.deepEqual(planOf(THREE, { maxBytes: 300 }), { manifests: [], blobs: [] })
})

test('beyond the limit what was used the longest ago goes first, until there is a little room', () => {
  assert.deepEqual(planOf(THREE, { maxBytes: 299 }), { manifests: ['oldest'], blobs: ['a'] })
  assert.deepEqual(planOf(THREE, { maxBytes: 200 }), { manifests: ['oldest', 'middle'], blobs: ['a', 'b'] })
})

test('a blob that a manifest needs which stays does not go', () => {
  const shared = { old: { usedAt: 1, blobs: ['base', 'a'] }, new: { usedAt: 2, blobs: ['base', 'b'] } }
  assert.deepEqual(planOf(shared, { maxBytes: 299 }), { manifests: ['old'], blobs: ['a'] })
  assert.deepEqual(planOf(shared, { maxBytes: 1 }), { manifests: ['old', 'new'], blobs: ['a', 'base', 'b'] })
})

test('what is pinned stays, whatever the limit and however old it is', () => {
  const pinned = { ...THREE, oldest: { ...THREE.oldest, isPinned: true } }
  const rules = { maxBytes: 1, unusedBefore: 10 }
  assert.deepEqual(planOf(pinned, rules), { manifests: ['middle', 'newest'], blobs: ['b', 'c'] })
})

test('what nobody used for long goes also where there is room', () => {
  assert.deepEqual(planOf(THREE, { unusedBefore: 3 }), { manifests: ['oldest', 'middle'], blobs: ['a', 'b'] })
})

test('blobs that no manifest needs go by their own age', () => {
  const plan = planOf(THREE, { maxBytes: 400 }, { loose: 1.5, young: 4 })
  assert.deepEqual(plan, { manifests: ['oldest'], blobs: ['a', 'loose'] })
})

test('of an image and the index that it was pulled by, the image goes first', () => {
  const together = { index: { usedAt: 1, isIndex: true, blobs: ['i'] }, image: { usedAt: 1, blobs: ['a'] } }
  assert.deepEqual(planOf(together, { maxBytes: 150 }).manifests, ['image'])
})
