import assert from 'node:assert/strict'
import { test } from 'node:test'
import { atEnd, type Scope } from './scope.ts'

test('what is opened last is closed first', async () => {
  const closed: string[] = []
  const ends: (() => Promise<void> | void)[] = []
  const scope: Scope = { after: (fn) => void ends.push(fn) }
  atEnd(scope, () => void closed.push('folder'))
  atEnd(scope, () => void closed.push('server'))
  assert.deepEqual(closed, [])
  for (const end of ends) await end()
  assert.deepEqual(closed, ['server', 'folder'])
})

test('what is opened in a scope that has ended is closed at once', () => {
  const closed: string[] = []
  const scope: Scope = { after: (fn) => void fn() }
  atEnd(scope, () => void closed.push('first'))
  atEnd(scope, () => void closed.push('second'))
  assert.deepEqual(closed, ['first', 'second'])
})
