import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Glob, parsePattern, PatternError } from '../../src/access/patterns.ts'
import { matchesNaively } from './naive-glob.ts'

const token = fc.constantFrom('a', 'b', '/', '*', '**', '?')
const glob = fc.array(token, { maxLength: 9 }).map((tokens) => tokens.join('').replaceAll(/\*{3,}/g, '**'))
const text = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 9 }).map((letters) => letters.join(''))

test('a glob matches exactly what a naive reading of it matches', () => {
  fc.assert(
    fc.property(glob, text, (pattern, name) => {
      assert.equal(new Glob(pattern).matches(name), matchesNaively(pattern, name))
    }),
    { numRuns: 5000 },
  )
})

test('a glob can be matched from the middle of a text on', () => {
  fc.assert(
    fc.property(glob, text, text, (pattern, before, name) => {
      assert.equal(new Glob(pattern).matches(before + name, before.length), matchesNaively(pattern, name))
    }),
  )
})

test('two stars match everything below a component and not the component itself', () => {
  const below = new Glob('team-a/**')
  assert.equal(below.matches('team-a/web'), true)
  assert.equal(below.matches('team-a/web/front'), true)
  assert.equal(below.matches('team-a'), false)
  assert.equal(below.matches('team-ab/web'), false)
})

test('one star and a question mark stay within a component', () => {
  assert.equal(new Glob('base/*').matches('base/node'), true)
  assert.equal(new Glob('base/*').matches('base/node/24'), false)
  assert.equal(new Glob('v?').matches('v1'), true)
  assert.equal(new Glob('v?').matches('v/'), false)
})

test('a hostile name does not make a pattern of many stars slow', () => {
  const glob = new Glob('**a*a*a*a*a*a*a*a*a*a*b')
  // Of exponential steps the first name alone would take longer than the universe is old.
  for (let length = 1; length <= 255; length += 1) assert.equal(glob.matches('a'.repeat(length)), false)
})

test('a pattern that can match no repository is refused with its reason', () => {
  const refused = (pattern: string, reason: RegExp): void => {
    assert.throws(
      () => parsePattern(pattern),
      (error) => error instanceof PatternError && reason.test(error.message),
    )
  }
  refused('', /1 to 512/)
  refused('a'.repeat(513), /1 to 512/)
  refused('/team', /empty path component/)
  refused('team/', /empty path component/)
  refused('a//b', /empty path component/)
  refused('Team/*', /no repository name has/)
  refused('localhost:5000/**', /no repository name has/)
  refused('../**/x y', /no repository name has/)
  refused('a***', /two stars/)
  refused('a**b/c', /whole ones/)
  refused('home-${user}/*', /whole one/)
  refused('${team}/*', /no repository name has/)
})

test('a pattern is split into its components', () => {
  assert.deepEqual(parsePattern('users/${user}/**'), ['users', '${user}', '**'])
})
