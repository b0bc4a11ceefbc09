import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compareRepositoryNames, parseRepositoryName } from '../../src/oci/repository-name.ts'

test('a name is lower-case components with single separators inside', () => {
  const good = ['a', '0', 'library/alpine', 'a/b/c/d/e', 'a.b_c-d', 'a__b', 'a----b', 'a/0', 'a'.repeat(255)]
  assert.deepEqual(good.map(parseRepositoryName), good)
  const bad = ['', '/', 'a/', '/a', 'a//b', 'A', 'a/B', '.', '..', 'a/../b', 'a/.b', 'a.', '-a', 'a-', '_a']
  const worse = ['a..b', 'a___b', 'a._b', 'a.-b', 'a b', 'a\n', 'a:b', 'a@b', 'ä', 'a\0', 'a%2fb', 'a\\b']
  const all = [...bad, ...worse, 'a'.repeat(256), `${'a/'.repeat(128)}`]
  assert.deepEqual(all.map(parseRepositoryName), Array(all.length).fill(undefined))
})

test('a long name that almost fits is refused at once', () => {
  // Alternatives in the pattern must not be tried one by one: it runs on every request.
  const began = process.cpuUsage()
  for (let round = 0; round < 1000; round++) parseRepositoryName(`${'a-'.repeat(127)}`)
  assert(process.cpuUsage(began).user < 2_000_000)
})

test('the catalog is in the order of registry:2: by component, a parent before its children', () => {
  const order = ['a', 'a/a', 'a/b', 'a/b/c', 'a/b-c', 'a/bc', 'a-b', 'a.b', 'a0', 'a_b', 'aa', 'b']
  assert.deepEqual(order.toReversed().toSorted(compareRepositoryNames), order)
  // Byte order would have it the other way round: "-" and "." come before "/".
  assert(compareRepositoryNames('a/z', 'a-b') < 0)
  assert(compareRepositoryNames('a/z', 'a.b') < 0)
  assert.equal(compareRepositoryNames('a/b', 'a/b'), 0)
})

test('the order is that of the lists of components', () => {
  const name = fc.string({ unit: fc.constantFrom('a', 'b', '0', '-', '.', '_', '/'), maxLength: 8 })
  fc.assert(
    fc.property(name, name, (a, b) => {
      assert.equal(Math.sign(compareRepositoryNames(a, b)), compareLists(a.split('/'), b.split('/')))
    }),
    { numRuns: 1000 },
  )
})

function compareLists(a: readonly string[], b: readonly string[]): number {
  const [[first, ...rest], [other, ...others]] = [a, b]
  if (first === undefined || other === undefined) return Math.sign(a.length - b.length)
  if (first !== other) return first < other ? -1 : 1
  return compareLists(rest, others)
}
