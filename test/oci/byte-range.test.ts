import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRange } from '../../src/oci/byte-range.ts'

test('a range has both ends, counted from 0', () => {
  assert.deepEqual(parseRange('bytes=0-0', 10), [{ start: 0, end: 0 }])
  assert.deepEqual(parseRange('bytes=2-5', 10), [{ start: 2, end: 5 }])
  assert.deepEqual(parseRange('Bytes=2-5', 10), [{ start: 2, end: 5 }])
})

test('an end that is left out is that of the content, a start that is left out counts from its end', () => {
  assert.deepEqual(parseRange('bytes=2-', 10), [{ start: 2, end: 9 }])
  assert.deepEqual(parseRange('bytes=-3', 10), [{ start: 7, end: 9 }])
})

test('what reaches beyond the content is clipped to it', () => {
  assert.deepEqual(parseRange('bytes=2-99999999999999999999', 10), [{ start: 2, end: 9 }])
  assert.deepEqual(parseRange('bytes=-11', 10), [{ start: 0, end: 9 }])
})

test('what lies outside the content, is inverted or asks for nothing can not be satisfied', () => {
  assert.deepEqual(parseRange('bytes=10-', 10), [])
  assert.deepEqual(parseRange('bytes=10-12', 10), [])
  assert.deepEqual(parseRange('bytes=5-4', 10), [])
  assert.deepEqual(parseRange('bytes=-0', 10), [])
  assert.deepEqual(parseRange('bytes=0-', 0), [])
  assert.deepEqual(parseRange('bytes=-5', 0), [])
})

test('several ranges are answered in the order asked, without those that can not be', () => {
  assert.deepEqual(parseRange('bytes=5-6, 0-1 ,20-,-1', 10), [
    { start: 5, end: 6 },
    { start: 0, end: 1 },
    { start: 9, end: 9 },
  ])
})

test('no header, a malformed one and another unit mean the whole content', () => {
  const headers = [undefined, '', 'bytes', 'bytes=', 'bytes=-', 'bytes=a-b', 'bytes=1', 'bytes=1-2-3']
  const more = ['bytes=1-2,', 'bytes=0x1-2', 'bytes=+1-2', 'bytes=1.5-2', 'items=0-1', 'bytes 0-1', '0-1']
  const all = [...headers, ...more]
  assert.deepEqual(
    all.map((header) => parseRange(header, 10)),
    Array(all.length).fill(undefined),
  )
})

test('more than sixteen ranges are not read at all', () => {
  const ranges = (count: number) => `bytes=${Array(count).fill('0-0').join(',')}`
  assert.equal(parseRange(ranges(16), 10)?.length, 16)
  assert.equal(parseRange(ranges(17), 10), undefined)
})

test('whatever is asked, every range lies within the content', () => {
  const text = fc.string({ unit: fc.constantFrom('0', '1', '7', '9', '-', ',', ' ') })
  fc.assert(
    fc.property(text, fc.nat(200), (list, size) => {
      for (const { start, end } of parseRange(`bytes=${list}`, size) ?? [])
        assert(0 <= start && start <= end && end < size)
    }),
    { numRuns: 1000 },
  )
})
