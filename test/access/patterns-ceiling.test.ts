import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PatternsCeiling } from '../../src/access/patterns-ceiling.ts'
import { parseRepositoryName, type RepositoryName } from '../../src/oci/repository-name.ts'

test('it allows its actions on what its patterns name, and nothing else', () => {
  const ceiling = new PatternsCeiling({ repositories: ['team-a/**', 'base/*'], actions: ['pull'] })
  assert.equal(ceiling.allows('pull', name('team-a/deep/app')), true)
  assert.equal(ceiling.allows('pull', name('base/alpine')), true)
  assert.equal(ceiling.allows('pull', name('base/alpine/edge')), false)
  assert.equal(ceiling.allows('pull', name('team-a')), false)
  assert.equal(ceiling.allows('pull', name('team-ab/app')), false)
  assert.equal(ceiling.allows('push', name('team-a/app')), false)
  assert.equal(ceiling.allows('delete', name('team-a/app')), false)
  assert.equal(ceiling.allowsCatalog, false)
})

test('push implies pull, and delete does not', () => {
  const pushing = new PatternsCeiling({ repositories: ['**'], actions: ['push'] })
  assert.equal(pushing.allows('pull', name('app')), true)
  const deleting = new PatternsCeiling({ repositories: ['**'], actions: ['delete'] })
  assert.equal(deleting.allows('pull', name('app')), false)
  assert.equal(deleting.allows('delete', name('app')), true)
})

test('the catalog lists what the patterns name', () => {
  const ceiling = new PatternsCeiling({ repositories: ['team-a/**'], actions: ['pull', 'catalog'] })
  assert.equal(ceiling.allowsCatalog, true)
  assert.equal(ceiling.lists(name('team-a/app')), true)
  assert.equal(ceiling.lists(name('team-b/app')), false)
})

test('a pattern that can match nothing, or depends on who asks, is refused', () => {
  assert.throws(() => new PatternsCeiling({ repositories: ['Team/**'], actions: ['pull'] }), {
    code: 'PATTERN_INVALID',
  })
  assert.throws(() => new PatternsCeiling({ repositories: ['users/${user}/**'], actions: ['pull'] }), {
    code: 'PATTERN_INVALID',
  })
})

function name(text: string): RepositoryName {
  const parsed = parseRepositoryName(text)
  assert.ok(parsed)
  return parsed
}
