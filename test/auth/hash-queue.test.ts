import assert from 'node:assert/strict'
import { setImmediate as nextRound } from 'node:timers/promises'
import { test } from 'node:test'
import { AuthenticationBusyError } from '../../src/auth/authenticator.ts'
import { HashQueue } from '../../src/auth/hash-queue.ts'

test('two are worked on at once, the others in the order they came', async () => {
  const queue = new HashQueue()
  const started: number[] = []
  const gates = [0, 1, 2, 3].map(() => Promise.withResolvers<void>())
  const all = gates.map((gate, index) =>
    queue.run(() => {
      started.push(index)
      return gate.promise.then(() => index)
    }),
  )
  assert.deepEqual(started, [0, 1])
  gates[1]?.resolve()
  await all[1]
  await nextRound()
  assert.deepEqual(started, [0, 1, 2])
  for (const gate of gates) gate.resolve()
  assert.deepEqual(await Promise.all(all), [0, 1, 2, 3])
})

test('what comes when too much waits is refused at once', async () => {
  const queue = new HashQueue({ concurrency: 1, maxWaiting: 1 })
  const gate = Promise.withResolvers<void>()
  const first = queue.run(() => gate.promise)
  const second = queue.run(() => gate.promise)
  const third = queue.run(() => gate.promise)
  gate.resolve()
  await assert.rejects(third, AuthenticationBusyError)
  await Promise.all([first, second])
  assert.equal(await queue.run(() => Promise.resolve('free again')), 'free again')
})

test('work that fails gives its place back', async () => {
  const queue = new HashQueue({ concurrency: 1, maxWaiting: 0 })
  await assert.rejects(
    queue.run(() => Promise.reject(new Error('broken'))),
    /broken/,
  )
  assert.equal(await queue.run(() => Promise.resolve(1)), 1)
})
