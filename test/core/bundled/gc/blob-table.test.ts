import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BlobTable } from '../../../../src/core/bundled/gc/blob-table.ts'
import { digestOf } from '../../../../src/oci/digest.ts'

test('garbage is what was there and was not marked, also when the table has grown often', () => {
  const table = new BlobTable()
  const digests = Array.from({ length: 50_000 }, (_, at) => digestOf(`${at}`))
  digests.forEach((digest, at) => {
    table.add(digest)
    if (at % 3 === 0) table.mark(digest)
  })
  digests.forEach((digest, at) => assert.equal(table.isGarbage(digest), at % 3 !== 0))
  assert.deepEqual([table.size, table.marked], [50_000, 16_667])
})

test('what was not there is no garbage, marked or not', () => {
  const table = new BlobTable()
  table.add(digestOf('a'))
  table.mark(digestOf('b'))
  assert.deepEqual([table.isGarbage(digestOf('b')), table.isGarbage(digestOf('c'))], [false, false])
  assert.deepEqual([table.size, table.marked], [1, 0])
})

test('adding or marking twice changes nothing', () => {
  const table = new BlobTable()
  for (const _ of [1, 2]) table.add(digestOf('a'))
  for (const _ of [1, 2]) table.mark(digestOf('a'))
  table.add(digestOf('a'))
  assert.deepEqual([table.size, table.marked, table.isGarbage(digestOf('a'))], [1, 1, false])
})
