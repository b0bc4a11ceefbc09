import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { GrantError, type Grant } from '../../src/access/grants.ts'
import { createPolicy } from '../../src/access/grants-policy.ts'
import { ANONYMOUS, type Identity } from '../../src/access/identity.ts'
import type { Policy } from '../../src/access/policy.ts'
import { parseRepositoryName, type RepositoryName } from '../../src/oci/repository-name.ts'
import { parseScopes } from '../../src/oci/scope.ts'
import { matchesNaively } from './naive-glob.ts'

test('nothing is allowed that nothing grants', () => {
  const policy = createPolicy({ grants: [] })
  assert.equal(policy.allows(user('alice'), 'pull', repository('a')), false)
  assert.equal(policy.allowsCatalog(user('alice')), false)
  assert.equal(policy.allowsAdmin(user('alice')), false)
  assert.equal(policy.wantsLogin, false)
})

test('$anonymous means everyone, logged in or not; $authenticated means any account', () => {
  const policy = createPolicy({
    grants: [
      { repositories: ['public/**'], pull: ['$anonymous'] },
      { repositories: ['staff/**'], pull: ['$authenticated'] },
    ],
  })
  assert.deepEqual(may(policy, ANONYMOUS, 'public/a'), ['pull'])
  assert.deepEqual(may(policy, user('alice'), 'public/a'), ['pull'])
  assert.deepEqual(may(policy, ANONYMOUS, 'staff/a'), [])
  assert.deepEqual(may(policy, user('alice'), 'staff/a'), ['pull'])
})

test('push implies pull, and delete implies nothing', () => {
  const policy = createPolicy({ grants: [{ repositories: ['a'], push: ['alice'], delete: ['bob'] }] })
  assert.deepEqual(may(policy, user('alice'), 'a'), ['pull', 'push'])
  assert.deepEqual(may(policy, user('bob'), 'a'), ['delete'])
})

test('a group grants to its members alone', () => {
  const policy = createPolicy({
    groups: { ci: ['jenkins'] },
    grants: [{ repositories: ['a'], push: ['@ci'] }],
  })
  assert.deepEqual(may(policy, user('jenkins'), 'a'), ['pull', 'push'])
  assert.deepEqual(may(policy, user('ci'), 'a'), [])
  assert.deepEqual(may(policy, user('@ci'), 'a'), [])
})

test('an account called anonymous is an account like any other', () => {
  const policy = createPolicy({ grants: [{ repositories: ['a'], pull: ['anonymous'] }] })
  assert.deepEqual(may(policy, ANONYMOUS, 'a'), [])
  assert.deepEqual(may(policy, user('anonymous'), 'a'), ['pull'])
})

test('${user} stands for the caller and reaches no further than one component', () => {
  const policy = createPolicy({ grants: [{ repositories: ['users/${user}/**'], push: ['$authenticated'] }] })
  assert.deepEqual(may(policy, user('alice'), 'users/alice/web/front'), ['pull', 'push'])
  assert.deepEqual(may(policy, user('alice'), 'users/bob/web'), [])
  assert.deepEqual(may(policy, user('alice'), 'users/alice'), [])
  assert.deepEqual(may(policy, user('**'), 'users/bob/web'), [])
  assert.deepEqual(may(policy, user('*'), 'users/bob/web'), [])
  assert.deepEqual(may(policy, user('?ob'), 'users/bob/web'), [])
  assert.deepEqual(may(policy, user('bob/web'), 'users/bob/web/x'), [])
  assert.deepEqual(may(policy, user('ldap:bob'), 'users/bob/web'), [])
})

test('${user} means nothing for an anonymous caller', () => {
  const policy = createPolicy({ grants: [{ repositories: ['${user}/**'], pull: ['$anonymous'] }] })
  assert.deepEqual(may(policy, ANONYMOUS, 'undefined/web'), [])
  assert.deepEqual(may(policy, user('alice'), 'alice/web'), ['pull'])
})

test('a ceiling narrows what is allowed and not what is granted', () => {
  const policy = createPolicy({
    grants: [
      { repositories: ['**'], push: ['alice'] },
      { catalog: ['alice'], admin: ['alice'] },
    ],
  })
  const limited: Identity = {
    name: 'alice',
    method: 'bearer',
    ceiling: parseScopes(['repository:a:pull,delete']),
  }
  assert.deepEqual(may(policy, limited, 'a'), ['pull'])
  assert.deepEqual(may(policy, limited, 'b'), [])
  assert.equal(policy.grants(limited, 'push', repository('a')), true)
  assert.equal(policy.grants(limited, 'push', repository('b')), true)
  assert.equal(policy.grants(limited, 'delete', repository('a')), false)
  assert.equal(policy.allowsCatalog(limited), false)
  assert.equal(policy.grantsCatalog(limited), true)
  assert.equal(policy.allowsAdmin(limited), false)
  assert.equal(policy.allowsAdmin(user('alice')), true)
  const lister: Identity = { ...limited, ceiling: parseScopes(['registry:catalog:*']) }
  assert.equal(policy.allowsCatalog(lister), true)
})

test('catalog and admin are granted by themselves and imply nothing else', () => {
  const policy = createPolicy({
    groups: { ops: ['olga'] },
    grants: [{ catalog: ['$anonymous'] }, { admin: ['@ops'] }],
  })
  assert.equal(policy.allowsCatalog(ANONYMOUS), true)
  assert.equal(policy.allowsAdmin(ANONYMOUS), false)
  assert.equal(policy.allowsAdmin(user('olga')), true)
  assert.deepEqual(may(policy, user('olga'), 'a'), [])
})

test('a login is wanted as soon as one grant makes a difference between callers', () => {
  const wants = (grant: Grant): boolean => createPolicy({ grants: [grant], groups: { none: [] } }).wantsLogin
  assert.equal(wants({ repositories: ['**'], push: ['$anonymous'], delete: ['$anonymous'] }), false)
  assert.equal(wants({ repositories: ['a'], pull: ['$authenticated'] }), true)
  assert.equal(wants({ repositories: ['a'], pull: ['$anonymous'], delete: ['alice'] }), true)
  assert.equal(wants({ catalog: ['alice'] }), true)
  assert.equal(wants({ admin: ['alice'] }), true)
  assert.equal(wants({ admin: ['@none'] }), false)
})

test('a grant that can not stand is refused with the way to it', () => {
  const refused = (grant: Grant, path: (string | number)[], message: RegExp): void => {
    assert.throws(
      () => createPolicy({ grants: [{ catalog: ['alice'] }, grant] }),
      (error) => {
        assert.ok(error instanceof GrantError)
        assert.deepEqual(error.path, ['grants', 1, ...path])
        assert.match(error.message, message)
        return true
      },
    )
  }
  refused({ repositories: ['a', 'B'], pull: ['alice'] }, ['repositories', 1], /"B"/)
  refused({ repositories: ['a'], pull: ['alice', '@ops'] }, ['pull', 1], /"ops" is not defined/)
  refused({ repositories: ['a'], push: ['$everyone'] }, ['push', 0], /not a principal/)
  refused({ repositories: ['a'], delete: [''] }, ['delete', 0], /not a principal/)
  refused({ admin: ['@constructor'] }, ['admin', 0], /not defined/)
  refused({ pull: ['alice'] }, [], /must name its repositories/)
  refused({ repositories: [], pull: ['alice'] }, [], /must name its repositories/)
  refused({ repositories: ['a'], catalog: ['alice'] }, ['repositories'], /no pull, push or delete/)
})

test('a group that holds more than names is refused', () => {
  assert.throws(() => createPolicy({ groups: { ops: ['olga', '@ci'] }, grants: [] }), {
    code: 'GRANT_INVALID',
    path: ['groups', 'ops', 1],
  })
})

const component = fc.constantFrom('a', 'b', 'ab', '*', '**', 'a*', '*b', '?', '**a', 'a**b', '${user}')
const pattern = fc.array(component, { minLength: 1, maxLength: 4 }).map((components) => components.join('/'))
const name = fc.array(fc.constantFrom('a', 'b', 'ab', 'b.a'), { minLength: 1, maxLength: 4 })
const grants = fc.array(
  fc.record({ repositories: fc.tuple(pattern), pull: fc.tuple(fc.constantFrom('a', 'b')) }),
  {
    maxLength: 8,
  },
)

test('many grants decide as each of them alone would, in any order', () => {
  fc.assert(
    fc.property(grants, name, fc.constantFrom('a', 'b'), (some, components, caller) => {
      const asked = repository(components.join('/'))
      const expected = some.some(
        ({ repositories: [text], pull: [principal] }) =>
          principal === caller && matchesNaively(text.replaceAll('${user}', caller), asked),
      )
      assert.equal(createPolicy({ grants: some }).allows(user(caller), 'pull', asked), expected)
      assert.equal(createPolicy({ grants: some.toReversed() }).allows(user(caller), 'pull', asked), expected)
    }),
    { numRuns: 3000 },
  )
})

function user(name: string): Identity {
  return { name, method: 'basic' }
}

function repository(text: string): RepositoryName {
  const parsed = parseRepositoryName(text)
  assert.ok(parsed !== undefined, `${text} is a repository name`)
  return parsed
}

function may(policy: Policy, identity: Identity, name: string): string[] {
  return (['pull', 'push', 'delete'] as const).filter((action) =>
    policy.allows(identity, action, repository(name)),
  )
}
