import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { digestOf } from '../../src/oci/digest.ts'
import { isDigest, parseReference, parseTag } from '../../src/oci/reference.ts'
import { known } from '../support/known.ts'

test('a tag is up to 128 letters, digits and ._- and begins with none of .-', () => {
  const good = ['latest', '1', '_', 'v1.2.3-rc_1', 'A', 'a'.repeat(128)]
  assert.deepEqual(good.map(parseTag), good)
  const bad = [
    '',
    '.',
    '..',
    '-a',
    '.a',
    'a'.repeat(129),
    'a/b',
    'a:b',
    'a b',
    'a\n',
    'a+b',
    'ä',
    'a%2f',
    '*',
  ]
  assert.deepEqual(bad.map(parseTag), Array(bad.length).fill(undefined))
})

test('a reference is a digest or a tag, and tells which', () => {
  const digest = digestOf('x')
  assert.equal(parseReference(digest), digest)
  assert.equal(isDigest(known(parseReference(digest))), true)
  assert.equal(isDigest(known(parseReference('latest'))), false)
  // A digest without its colon is a tag like any other.
  assert.equal(isDigest(known(parseReference(digest.slice('sha256:'.length)))), false)
})

test('what looks like a digest and is none is no tag either', () => {
  assert.equal(parseReference('sha256:abc'), undefined)
  assert.equal(parseReference(`md5:${'a'.repeat(32)}`), undefined)
  assert.equal(parseReference('host:5000'), undefined)
})

test('no reference can climb out of a folder', () => {
  const dangerous = fc.string({ unit: fc.constantFrom('.', '/', '\\', '\0', ':', '%', 'a', 'sha256:') })
  fc.assert(
    fc.property(dangerous, (text) => {
      const reference = parseReference(text)
      if (reference === undefined) return
      assert.doesNotMatch(reference, /[/\\\0%]/)
      assert(reference !== '.' && reference !== '..')
    }),
  )
})
