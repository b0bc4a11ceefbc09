import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ScopesCeiling } from '../../src/access/ceiling.ts'
import { GrantError, type Grant } from '../../src/access/grants.ts'
import { createPolicy } from '../../src/access/grants-policy.ts'
import type { Caller } from '../../src/access/caller.ts'
import { ANONYMOUS } from '../../src/access/identity.ts'
import type { Policy } from '../../src/access/policy.ts'
import { parseRepositoryName, type RepositoryName } from '../../src/oci/repository-name.ts'
import { parseScopes } from '../../src/oci/scope.ts'
import { matchesNaively } from './naive-glob.ts'

const nobody: Caller = { identity: ANONYMOUS, address: '192.0.2.1' }

test('nothing is allowed that nothing grants', () => {
  const policy = createPolicy({ grants: [] })
  assert.equal(policy.allows(user('alice'), 'pull', repository('a')), false)
  assert.equal(policy.allowsCatalog(user('alice')), false)
  assert.equal(policy.adminClauseFor(user('alice')), undefined)
  assert.equal(policy.wantsLogin, false)
})

test('$anonymous means everyone, logged in or not; $authenticated means any account', () => {
  const policy = createPolicy({
    grants: [
      { repositories: ['public/**'], pull: ['$anonymous'] },
      { repositories: ['staff/**'], pull: ['$authenticated'] },
    ],
  })
  assert.deepEqual(may(policy, nobody, 'public/a'), ['pull'])
  assert.deepEqual(may(policy, user('alice'), 'public/a'), ['pull'])
  assert.deepEqual(may(policy, nobody, 'staff/a'), [])
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
  assert.deepEqual(may(policy, nobody, 'a'), [])
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
  assert.deepEqual(may(policy, nobody, 'undefined/web'), [])
  assert.deepEqual(may(policy, user('alice'), 'alice/web'), ['pull'])
})

test('a ceiling narrows what is allowed and not what is granted', () => {
  const policy = createPolicy({
    grants: [
      { repositories: ['**'], push: ['alice'] },
      { catalog: ['alice'], admin: ['alice'] },
    ],
  })
  const limited = withToken('repository:a:pull,delete')
  assert.deepEqual(may(policy, limited, 'a'), ['pull'])
  assert.deepEqual(may(policy, limited, 'b'), [])
  assert.equal(policy.clauseFor(limited, 'push', repository('a'))?.word, 'push')
  assert.equal(policy.clauseFor(limited, 'pull', repository('b'))?.word, 'push')
  assert.equal(policy.clauseFor(limited, 'delete', repository('a')), undefined)
  assert.equal(policy.allowsCatalog(limited), false)
  assert.equal(policy.catalogClauseFor(limited)?.word, 'catalog')
  assert.equal(policy.adminClauseFor(limited), undefined)
  assert.equal(policy.adminClauseFor(user('alice'))?.word, 'admin')
  const lister = withToken('registry:catalog:*')
  assert.equal(policy.allowsCatalog(lister), true)
})

test('catalog and admin are granted by themselves and imply nothing else', () => {
  const policy = createPolicy({
    groups: { ops: ['olga'] },
    grants: [{ catalog: ['$anonymous'] }, { admin: ['@ops'] }],
  })
  assert.equal(policy.allowsCatalog(nobody), true)
  assert.equal(policy.adminClauseFor(nobody), undefined)
  assert.equal(policy.adminClauseFor(user('olga'))?.word, 'admin')
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

test('a group that an identity comes with is told by its source, and never is one of the configuration', () => {
  const policy = createPolicy({
    groups: { ops: ['olga'] },
    grants: [
      { repositories: ['ours'], pull: ['@ops'] },
      { repositories: ['theirs'], pull: ['@ldap:ops'] },
    ],
  })
  assert.deepEqual(may(policy, user('ldap:bob', ['ldap:ops']), 'theirs'), ['pull'])
  assert.deepEqual(may(policy, user('ldap:bob', ['ldap:ops']), 'ours'), [])
  assert.deepEqual(may(policy, user('ldap:bob', ['ops', '@ops', 'oidc:ops']), 'ours'), [])
  assert.deepEqual(may(policy, user('ldap:bob', ['ops', '@ops', 'oidc:ops']), 'theirs'), [])
  assert.deepEqual(may(policy, user('olga'), 'ours'), ['pull'])
  assert.deepEqual(may(policy, user('olga'), 'theirs'), [])
  assert.throws(() => createPolicy({ groups: { 'ldap:ops': ['eve'] }, grants: [] }), {
    code: 'GRANT_INVALID',
  })
})

test('a condition on the address holds for those who come from there', () => {
  const policy = createPolicy({
    grants: [
      { repositories: ['a'], pull: ['$anonymous'], push: ['alice'], from: ['10.0.0.0/8', 'fd00::/8'] },
      { repositories: ['a'], delete: ['alice'] },
      { admin: ['alice'], catalog: ['alice'], from: ['127.0.0.1'] },
    ],
  })
  const from = (address: string) => may(policy, user('alice', [], address), 'a')
  assert.deepEqual(from('10.1.2.3'), ['pull', 'push', 'delete'])
  assert.deepEqual(from('::ffff:10.1.2.3'), ['pull', 'push', 'delete'])
  assert.deepEqual(from('fd12::1'), ['pull', 'push', 'delete'])
  assert.deepEqual(from('192.0.2.1'), ['delete'])
  assert.deepEqual(from('unix'), ['delete'])
  assert.deepEqual(may(policy, { identity: ANONYMOUS, address: undefined }, 'a'), [])
  assert.equal(policy.adminClauseFor(user('alice')), undefined)
  assert.equal(policy.adminClauseFor(user('alice', [], '127.0.0.1'))?.grant, 2)
  assert.equal(policy.allowsCatalog(user('alice')), false)
})

test('the clause that decides is the one without a condition, if there is one', () => {
  const policy = createPolicy({
    grants: [
      { repositories: ['a'], pull: ['alice'], from: ['10.0.0.0/8'], line: 3 },
      { repositories: ['a'], push: ['alice'], line: 7 },
    ],
  })
  const { grant, word, line } = policy.clauseFor(user('alice', [], '10.0.0.1'), 'pull', repository('a')) ?? {}
  assert.deepEqual([grant, word, line], [1, 'push', 7])
})

const component = fc.constantFrom('a', 'b', 'ab', '*', '**', 'a*', '*b', '?', 'a*b', 'a?', '*a*', '${user}')
const pattern = fc.array(component, { minLength: 1, maxLength: 4 }).map((components) => components.join('/'))
const name = fc.array(fc.constantFrom('a', 'b', 'ab', 'b.a'), { minLength: 1, maxLength: 4 })
const principal = fc.constantFrom('a', 'b', '@g', '@x:g', '$authenticated', '$anonymous')
const grants = fc.array(
  fc.record({
    repositories: fc.tuple(pattern),
    pull: fc.tuple(principal),
    from: fc.option(fc.constant(['10.0.0.0/8']), { nil: undefined }),
  }),
  { maxLength: 8 },
)
const caller = fc.record({
  name: fc.constantFrom('a', 'b', undefined),
  groups: fc.constantFrom<string[]>([], ['x:g'], ['g']),
  address: fc.constantFrom('10.0.0.1', '192.0.2.1'),
})

test('many grants decide as each of them alone would, in any order, and are explained as they decide', () => {
  fc.assert(
    fc.property(grants, name, caller, (some, components, { name: who, groups, address }) => {
      const asked = repository(components.join('/'))
      const asking: Caller = { identity: { name: who, method: 'basic', groups }, address }
      const isAmong = (word: string): boolean =>
        word === '$anonymous' ||
        (who !== undefined &&
          (word === '$authenticated' ||
            word === who ||
            (word === '@g' && who === 'b') ||
            (word === '@x:g' && groups.includes('x:g'))))
      const expected = some.some(
        ({ repositories: [text], pull: [word], from }) =>
          isAmong(word) &&
          (from === undefined || address === '10.0.0.1') &&
          (who !== undefined || !text.includes('${user}')) &&
          matchesNaively(text.replaceAll('${user}', who ?? ''), asked),
      )
      for (const ordered of [some, some.toReversed()]) {
        const policy = createPolicy({ groups: { g: ['b'] }, grants: ordered })
        assert.equal(policy.allows(asking, 'pull', asked), expected)
        const explanation = policy.explain(asking, { action: 'pull', repository: asked })
        assert.equal(explanation.allowed, expected)
        assert.equal(explanation.granted?.grant, policy.clauseFor(asking, 'pull', asked)?.grant)
        assert.equal(explanation.granted === undefined, !expected)
      }
    }),
    { numRuns: 5000 },
  )
})

function user(name: string, groups: string[] = [], address = '192.0.2.1'): Caller {
  return { identity: { name, method: 'basic', groups }, address }
}

/** Alice, with a token for no more than this. */
function withToken(scope: string): Caller {
  const ceiling = new ScopesCeiling(parseScopes([scope]))
  return { identity: { name: 'alice', method: 'bearer', ceiling }, address: '192.0.2.1' }
}

function repository(text: string): RepositoryName {
  const parsed = parseRepositoryName(text)
  assert.ok(parsed !== undefined, `${text} is a repository name`)
  return parsed
}

function may(policy: Policy, caller: Caller, name: string): string[] {
  return (['pull', 'push', 'delete'] as const).filter((action) =>
    policy.allows(caller, action, repository(name)),
  )
}
