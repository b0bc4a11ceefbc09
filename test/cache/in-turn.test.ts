import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inTurn } from '../../src/cache/in-turn.ts'
import { LocalLocks } from '../../src/cache/locks.ts'

const MINUTE_MS = 60_000

test('work is done one after the other, and its answer or failure is the caller’s', async () => {
  const locks = new LocalLocks()
  const order: string[] = []
  const gate = Promise.withResolvers<void>()
  const first = inTurn(locks, 'a', MINUTE_MS, async () => {
    order.push('first')
    await gate.promise
    throw new Error('failed')
  })
  const second = inTurn(locks, 'a', MINUTE_MS, async () => order.push('second'))
  await inTurn(locks, 'b', MINUTE_MS, async () => order.push('other'))
  assert.deepEqual(order, ['first', 'other'])
  gate.resolve()
  await assert.rejects(first, /failed/)
  assert.equal(await second, 3)
})

test('who waits too long for a turn goes on without, once', async () => {
  const locks = new LocalLocks()
  const gate = Promise.withResolvers<void>()
  const hanging = inTurn(locks, 'a', MINUTE_MS, () => gate.promise)
  let count = 0
  assert.equal(await inTurn(locks, 'a', 1, async () => (count += 1)), 1)
  gate.resolve()
  await hanging
  await locks.alone('a', async () => undefined)
  assert.equal(count, 1)
})

test('where turns can not be had, the work is done at once', async () => {
  const none = new LocalLocks()
  none.alone = () => Promise.reject(new Error('the primary is gone'))
  assert.equal(await inTurn(none, 'a', MINUTE_MS, async () => 'done'), 'done')
})
