import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LocalLocks } from '../../src/cache/locks.ts'

const [A, B] = ['a', 'b']

/** Work that ends when it is told to. */
function work(log: string[], name: string) {
  const end = Promise.withResolvers<void>()
  const run = async () => {
    log.push(`${name} begins`)
    await end.promise
    log.push(`${name} ends`)
  }
  return { run, end: () => end.resolve() }
}

test('shared work goes side by side; what goes alone waits for it, and later shared work waits for that', async () => {
  const [locks, log] = [new LocalLocks(), [] as string[]]
  const [first, second, alone, third] = ['first', 'second', 'alone', 'third'].map((name) => work(log, name))
  assert.ok(first && second && alone && third)
  const all = [
    locks.shared(A, first.run),
    locks.shared(A, second.run),
    locks.alone(A, alone.run),
    locks.shared(A, third.run),
  ]
  for (const each of [third, alone, second, first]) each.end()
  await Promise.all(all)
  assert.deepEqual(new Set(log.slice(0, 2)), new Set(['first begins', 'second begins']))
  assert.deepEqual(log.slice(4), ['alone begins', 'alone ends', 'third begins', 'third ends'])
})

test('keys do not wait for each other, and a failure holds up nobody', async () => {
  const [locks, log] = [new LocalLocks(), [] as string[]]
  const slow = work(log, 'slow')
  const waiting = locks.alone(A, slow.run)
  assert.equal(await locks.alone(B, async () => 'b'), 'b')
  const failing = locks.alone(A, () => Promise.reject(new Error('no')))
  const after = locks.shared(A, async () => 'after')
  slow.end()
  await waiting
  await assert.rejects(failing, /no/)
  assert.equal(await after, 'after')
})
