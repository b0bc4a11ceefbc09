import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPolicy } from '../../src/access/grants-policy.ts'
import { ANONYMOUS, type Identity } from '../../src/access/identity.ts'
import type { Policy } from '../../src/access/policy.ts'
import { ReplaceablePolicy } from '../../src/access/replaceable-policy.ts'
import { parseRepositoryName } from '../../src/oci/repository-name.ts'

const web = parseRepositoryName('team/web') ?? assert.fail('not a name')
const alice: Identity = { name: 'alice', method: 'basic' }
/** Alice with a token that holds nothing. */
const limited: Identity = { name: 'alice', method: 'bearer', ceiling: [] }

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
      policy.allows(ANONYMOUS, 'pull', web),
    ],
    grants: [policy.grants(alice, 'push', web), policy.grants(limited, 'pull', web)],
    catalog: [policy.allowsCatalog(alice), policy.allowsCatalog(limited), policy.grantsCatalog(limited)],
    admin: [policy.allowsAdmin(alice), policy.allowsAdmin(ANONYMOUS)],
    wantsLogin: policy.wantsLogin,
  }
}

test('decisions are those of the policy that was set last', () => {
  const policy = new ReplaceablePolicy(closed)
  assert.deepEqual(answersOf(policy), answersOf(closed))
  policy.replace(open)
  assert.deepEqual(answersOf(policy), {
    allows: [true, true, false, false, false],
    grants: [true, true],
    catalog: [true, false, true],
    admin: [true, false],
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
  assert.equal(held.allowsAdmin(alice), false)
})
