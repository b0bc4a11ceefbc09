import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lowestCeiling, ScopesCeiling, type Ceiling } from '../../src/access/ceiling.ts'
import { parseRepositoryName, type RepositoryName } from '../../src/oci/repository-name.ts'
import { parseScopes } from '../../src/oci/scope.ts'
import { known } from '../support/known.ts'

const repository = (name: string): RepositoryName => known(parseRepositoryName(name))
const ceilingOf = (...scopes: string[]): ScopesCeiling => new ScopesCeiling(parseScopes(scopes))

test('a token is limited to its scopes, and one for the catalog may list what has no scope of its own', () => {
  const ceiling = ceilingOf('repository:a:pull,push', 'registry:catalog:*')
  assert.equal(ceiling.allows('push', repository('a')), true)
  assert.equal(ceiling.allows('delete', repository('a')), false)
  assert.equal(ceiling.allows('pull', repository('a/b')), false)
  assert.equal(ceiling.allowsCatalog, true)
  assert.equal(ceiling.lists(), true)
  assert.equal(ceilingOf('repository:a:pull').allowsCatalog, false)
})

test('of two ceilings both count', () => {
  const unlisted: Ceiling = { allows: () => true, allowsCatalog: true, lists: () => false, size: 3 }
  const both = lowestCeiling(ceilingOf('repository:a:pull', 'registry:catalog:*'), unlisted)
  assert.equal(both.allows('pull', repository('a')), true)
  assert.equal(both.allows('push', repository('a')), false)
  assert.equal(both.allowsCatalog, true)
  assert.equal(both.lists(repository('a')), false)
  assert.equal(both.size, 5)
  const low = lowestCeiling(ceilingOf('registry:catalog:*'), ceilingOf('repository:a:pull'))
  assert.equal(low.allowsCatalog, false)
  assert.equal(low.allows('pull', repository('a')), false)
})

test('where there is no second ceiling the first one stands', () => {
  const one = ceilingOf('repository:a:pull')
  assert.equal(lowestCeiling(one, undefined), one)
})
