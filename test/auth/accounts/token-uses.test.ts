import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TokenUses } from '../../../src/auth/accounts/token-uses.ts'

test('many uses are written down together, and each token once', async () => {
  const written: string[][] = []
  const uses = new TokenUses({ store: { recordUses: async (ids) => void written.push([...ids]) } })
  for (const id of ['a', 'b', 'a', 'a']) uses.note(id)
  await uses.flush()
  uses.note('a')
  await uses.flush()
  assert.deepEqual(written, [['a', 'b']])
})

test('uses are written down by themselves, a token again after a minute', async (t) => {
  const written: string[][] = []
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let now = 0
  t.mock.method(performance, 'now', () => now)
  const uses = new TokenUses({ store: { recordUses: async (ids) => void written.push([...ids]) } })
  uses.note('a')
  t.mock.timers.tick(5000)
  await uses.flush()
  now = 59_000
  uses.note('a')
  now = 60_000
  uses.note('a')
  t.mock.timers.tick(5000)
  await uses.flush()
  assert.deepEqual(written, [['a'], ['a']])
})

test('a store that can not be written to is told of, and nobody fails', async () => {
  const failures: unknown[] = []
  const uses = new TokenUses({
    store: { recordUses: () => Promise.reject(new Error('down')) },
    onError: (error) => failures.push(error),
  })
  uses.note('a')
  await uses.flush()
  assert.equal(failures.length, 1)
})
