import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScopesCeiling } from '../../src/access/ceiling.ts'
import { grantedScopes } from '../../src/access/granted-scopes.ts'
import { createPolicy } from '../../src/access/grants-policy.ts'
import { ANONYMOUS, type Identity } from '../../src/access/identity.ts'
import { formatScope, parseScopes } from '../../src/oci/scope.ts'

const policy = createPolicy({
  grants: [
    { repositories: ['public/**'], pull: ['$anonymous'] },
    { repositories: ['team/**'], push: ['alice'] },
    { catalog: ['alice'] },
  ],
})
const alice: Identity = { name: 'alice', method: 'basic' }
const granted = (identity: Identity, ...asked: string[]): string[] =>
  grantedScopes(policy, { identity, address: '192.0.2.1' }, parseScopes(asked)).map(formatScope)

test('asked scopes are cut down to what is granted', () => {
  assert.deepEqual(granted(alice, 'repository:team/web:*', 'repository:public/a:push,pull'), [
    'repository:team/web:pull,push',
    'repository:public/a:pull',
  ])
  assert.deepEqual(granted(ANONYMOUS, 'repository:team/web:pull repository:public/a:pull'), [
    'repository:public/a:pull',
  ])
})

test('the catalog is given to those who may list it', () => {
  assert.deepEqual(granted(alice, 'registry:catalog:*'), ['registry:catalog:*'])
  assert.deepEqual(granted(ANONYMOUS, 'registry:catalog:*'), [])
})

test('odd scopes escalate nothing', () => {
  const odd = [
    'repository:team/web:push',
    'repository:public/../team/web:push',
    'repository:**:push',
    'repository:TEAM/web:push',
    'repository:team%2Fweb:push',
    'repository(plugin):team/web:push',
    'registry:catalog:pull',
    'registry:*:*',
    'admin:x:*',
    ':::',
    'repository::push',
    'repository:public/a:Push',
    'repository:public/a:push%2Cpull',
    'repository:public/a:',
  ]
  assert.deepEqual(granted(ANONYMOUS, ...odd), [])
})

test('a ceiling is never widened', () => {
  const limited: Identity = {
    name: 'alice',
    method: 'bearer',
    ceiling: new ScopesCeiling(parseScopes(['repository:team/web:pull'])),
  }
  assert.deepEqual(
    granted(limited, 'repository:team/web:*', 'repository:team/app:pull', 'registry:catalog:*'),
    ['repository:team/web:pull'],
  )
})
