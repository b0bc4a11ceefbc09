import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Leases } from '../../../../src/core/bundled/gc/leases.ts'
import { digestOf } from '../../../../src/oci/digest.ts'

test('a digest is leased for the grace at least, each time it is touched', () => {
  let now = 0
  const leases = new Leases({ graceMs: 100, now: () => now })
  for (const step of [60, 60, 60, 99]) {
    leases.touch(digestOf('a'))
    now += step
    assert.equal(leases.has(digestOf('a')), true)
  }
  now += 201
  assert.equal(leases.has(digestOf('a')), false)
})

test('while frozen nothing expires, neither what was leased before nor what came after', () => {
  let now = 0
  const leases = new Leases({ graceMs: 100, now: () => now })
  leases.touch(digestOf('before'))
  const thaw = leases.freeze()
  now += 1000
  leases.touch(digestOf('after'))
  now += 1000
  assert.deepEqual([leases.has(digestOf('before')), leases.has(digestOf('after'))], [true, true])
  thaw()
  assert.deepEqual([leases.has(digestOf('before')), leases.has(digestOf('after'))], [false, false])
})

test('of a hundred thousand confirmations none is forgotten, and hardly another digest looks leased', () => {
  const leases = new Leases({ graceMs: 3_600_000 })
  const digests = Array.from({ length: 100_000 }, (_, at) => digestOf(`${at}`))
  for (const digest of digests) leases.touch(digest)
  assert.ok(digests.every((digest) => leases.has(digest)))
  const others = Array.from({ length: 10_000 }, (_, at) => digestOf(`other ${at}`))
  assert.ok(others.filter((digest) => leases.has(digest)).length <= 3)
})
