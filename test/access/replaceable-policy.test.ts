import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScopesCeiling } from '../../src/access/ceiling.ts'
import { createPolicy } from '../../src/access/grants-policy.ts'
import type { Caller } from '../../src/access/caller.ts'
import { ANONYMOUS } from '../../src/access/identity.ts'
import type { Policy } from '../../src/access/policy.ts'
import { ReplaceablePolicy } from '../../src/access/replaceable-policy.ts'
import { parseRepositoryName } from '../../src/oci/repository-name.ts'

const web = parseRepositoryName('team/web') ?? assert.fail('not a name')
const address = '192.0.2.1'
const alice: Caller = { identity: { name: 'alice', method: 'basic' }, address }
const nobody: Caller = { identity: ANONYMOUS, address }
/** Alice with a token that holds nothing. */
const limited: Caller = {
  identity: { name: 'alice', method: 'bearer', ceiling: new ScopesCeiling([]) },
  address,
}

const closed = createPolicy({ grants: [] })
const open = createPolicy({
  grants: [
    { repositories: ['team/*'], pull: ['$authenticated'], push: ['alice'] },
    { catalog: ['alice'] },
    { admin: ['alice'] },
  ],
})

/** Every answer that a policy gives, about alice and about nobody. */
function answersOf(policy: Policy): object {
  return {
    allows: [
      policy.allows(alice, 'pull', web),
      policy.allows(alice, 'push', web),
      policy.allows(alice, 'delete', web),
      policy.allows(limited, 'pull', web),
      policy.allows(nobody, 'pull', web),
    ],
    clauses: [policy.clauseFor(alice, 'push', web)?.word, policy.clauseFor(limited, 'pull', web)?.word],
    catalog: [
      policy.allowsCatalog(alice),
      policy.allowsCatalog(limited),
      policy.catalogClauseFor(limited)?.word,
    ],
    admin: [policy.adminClauseFor(alice)?.word, policy.adminClauseFor(nobody)?.word],
    explained: policy.explain(alice, { action: 'push', repository: web }).allowed,
    wantsLogin: policy.wantsLogin,
  }
}

test('decisions are those of the policy that was set last', () => {
  const policy = new ReplaceablePolicy(closed)
  assert.deepEqual(answersOf(policy), answersOf(closed))
  policy.replace(open)
  assert.deepEqual(answersOf(policy), {
    allows: [true, true, false, false, false],
    clauses: ['push', 'pull'],
    catalog: [true, false, 'catalog'],
    admin: ['admin', undefined],
    explained: true,
    wantsLogin: true,
  })
  policy.replace(closed)
  assert.deepEqual(answersOf(policy), answersOf(closed))
})

test('a grant that was taken back is gone for who holds on to the policy', () => {
  const policy = new ReplaceablePolicy(open)
  const held: Policy = policy
  assert.equal(held.allows(alice, 'push', web), true)
  policy.replace(closed)
  assert.equal(held.allows(alice, 'push', web), false)
  assert.equal(held.adminClauseFor(alice), undefined)
})
