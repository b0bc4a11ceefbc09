import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fence } from '../../../../src/core/bundled/gc/fence.ts'
import { Leases } from '../../../../src/core/bundled/gc/leases.ts'
import { digestOf } from '../../../../src/oci/digest.ts'

const [A, B] = [digestOf('a'), digestOf('b')]

test('what a request holds is not taken, and after a success neither is it within the grace', async () => {
  let now = 0
  const fence = new Fence(new Leases({ graceMs: 100, now: () => now }))
  const hold = await fence.hold([A])
  now += 1000
  assert.equal(fence.take([B, A]), undefined)
  hold.release(true)
  assert.equal(fence.take([A]), undefined)
  now += 1000
  assert.ok(fence.take([A]))
})

test('what was asked for in vain can be taken at once', async () => {
  const fence = new Fence(new Leases({ graceMs: 100 }))
  await assert.rejects(fence.during([A], () => Promise.reject(new Error('not here'))))
  assert.ok(fence.take([A]))
})

test('a request waits for a deletion that is under way, and once it waits no other can begin', async () => {
  let now = 0
  const fence = new Fence(new Leases({ graceMs: 0, now: () => now }))
  const order: string[] = []
  const release = fence.take([A])
  assert.ok(release)
  const asked = fence.during([A, B], async () => void order.push('asked'))
  now += 1
  assert.equal(fence.take([B]), undefined)
  order.push('deleted')
  release()
  await asked
  assert.deepEqual(order, ['deleted', 'asked'])
})

test('several requests hold one digest until the last lets go, and letting go twice is letting go once', async () => {
  let now = 0
  const fence = new Fence(new Leases({ graceMs: 0, now: () => now }))
  const [first, second] = [await fence.hold([A]), await fence.hold([A])]
  first.release(false)
  first.release(false)
  assert.equal(fence.take([A]), undefined)
  second.release(false)
  now += 1
  assert.ok(fence.take([A]))
})
