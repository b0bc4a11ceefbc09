import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PatternError } from '../../src/access/patterns.ts'
import { Realm } from '../../src/auth/realm.ts'
import { parseRepositoryName, type RepositoryName } from '../../src/oci/repository-name.ts'
import { known } from '../support/known.ts'

const repository = (name: string): RepositoryName => known(parseRepositoryName(name))

test('a realm without limits applies everywhere and is no ceiling', () => {
  const realm = new Realm({ name: 'Registry' })
  assert.equal(realm.appliesTo({ host: 'any.test', repository: repository('a/b') }), true)
  assert.equal(realm.appliesTo({}), true)
  assert.equal(realm.isEverywhere, true)
  assert.equal(realm.ceiling, undefined)
})

test('a realm of hosts applies on these, whatever their port and case, and not where the host is unknown', () => {
  const realm = new Realm({ hosts: ['team.test'] })
  assert.equal(realm.appliesTo({ host: 'team.test' }), true)
  assert.equal(realm.appliesTo({ host: 'TEAM.test:5443' }), true)
  assert.equal(realm.appliesTo({ host: 'team.test.evil.test' }), false)
  assert.equal(realm.appliesTo({ host: 'other.test' }), false)
  assert.equal(realm.appliesTo({}), false)
  assert.equal(realm.ceiling, undefined)
})

test('a realm of repositories applies to these and where none is concerned, and is a ceiling of them', () => {
  const realm = new Realm({ repositories: ['team-a/**', 'base/*'] })
  assert.equal(realm.appliesTo({ repository: repository('team-a/web') }), true)
  assert.equal(realm.appliesTo({ repository: repository('base/alpine') }), true)
  assert.equal(realm.appliesTo({ repository: repository('base/alpine/edge') }), false)
  assert.equal(realm.appliesTo({ repository: repository('team-ab/web') }), false)
  assert.equal(realm.appliesTo({}), true)
  assert.equal(realm.ceiling?.allows('pull', repository('team-a/web')), true)
  assert.equal(realm.ceiling?.allows('pull', repository('team-b/web')), false)
  assert.equal(realm.ceiling?.lists(repository('team-b/web')), false)
})

test('hosts and repositories have to fit both', () => {
  const realm = new Realm({ hosts: ['team.test'], repositories: ['team-a/**'] })
  assert.equal(realm.appliesTo({ host: 'team.test', repository: repository('team-a/web') }), true)
  assert.equal(realm.appliesTo({ host: 'team.test', repository: repository('team-b/web') }), false)
  assert.equal(realm.appliesTo({ host: 'other.test', repository: repository('team-a/web') }), false)
})

test('a pattern that means nothing is refused', () => {
  assert.throws(() => new Realm({ repositories: ['Team/**'] }), PatternError)
})
