import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { GlobIndex } from '../../src/access/glob-index.ts'
import { matchesNaively } from './naive-glob.ts'

const letters = (alphabet: string[], maxLength: number) =>
  fc.array(fc.constantFrom(...alphabet), { minLength: 1, maxLength }).map((each) => each.join(''))
const glob = letters(['a', 'b', '*', '?'], 6).filter((text) => /[*?]/.test(text) && !text.includes('**'))

test('the globs that are found are those that match', () => {
  fc.assert(
    fc.property(fc.uniqueArray(glob, { maxLength: 12 }), letters(['a', 'b'], 6), (globs, text) => {
      const { index, found } = indexed(globs)
      index.collect(text, found)
      assert.deepEqual(found.toSorted(), globs.filter((each) => matchesNaively(each, text)).toSorted())
    }),
    { numRuns: 3000 },
  )
})

test('of ten thousand globs those alone are tried that begin and end as the text does', () => {
  const tried = (globOf: (index: number) => string, text: string): number => {
    const { index, found } = indexed(Array.from({ length: 10_000 }, (_, at) => globOf(at)))
    const count = index.collect(text, found)
    assert.deepEqual(found.length, 1, text)
    return count
  }
  assert.equal(
    tried((at) => `team-${at}-*`, 'team-77-web'),
    1,
  )
  assert.equal(
    tried((at) => `*-${at}`, 'web-77'),
    1,
  )
  assert.equal(
    tried((at) => `team-*-${at}`, 'team-web-77'),
    1,
  )
  assert.equal(
    tried((at) => `v${at}.?`, 'v77.1'),
    1,
  )
})

test('a glob has one value', () => {
  const index = new GlobIndex<object>()
  const first = index.valueOf('a*', () => ({}))
  assert.equal(
    index.valueOf('a*', () => ({})),
    first,
  )
})

function indexed(globs: readonly string[]): { index: GlobIndex<string>; found: string[] } {
  const index = new GlobIndex<string>()
  for (const each of globs) index.valueOf(each, () => each)
  return { index, found: [] }
}
