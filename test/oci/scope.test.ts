import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatScope, parseScopes, type Action } from '../../src/oci/scope.ts'
import { checkScopes, scopeTexts } from './scope-texts.ts'
import { fuzzRuns } from '../support/fuzz.ts'

const parsed = (...texts: string[]): string[] => parseScopes(texts).map(formatScope)

test('scopes come in several parameters, and several in one', () => {
  assert.deepEqual(parsed('repository:a/b:pull', 'repository:c:push,pull'), [
    'repository:a/b:pull',
    'repository:c:push,pull',
  ])
  assert.deepEqual(parsed('repository:a/b:pull repository:c:delete'), [
    'repository:a/b:pull',
    'repository:c:delete',
  ])
})

test('scopes of one repository are united, and * means every action', () => {
  assert.deepEqual(parsed('repository:a:pull', 'repository:a:push repository:a:pull'), [
    'repository:a:pull,push',
  ])
  assert.deepEqual(parsed('repository:a:*'), ['repository:a:pull,push,delete'])
})

test('the catalog is asked for by * alone, and once', () => {
  assert.deepEqual(parsed('registry:catalog:*', 'registry:catalog:*'), ['registry:catalog:*'])
  assert.deepEqual(parsed('registry:catalog:pull', 'registry:other:*', 'repository:catalog'), [])
})

test('a class of resources is taken for the resource', () => {
  assert.deepEqual(parsed('repository(plugin):a:pull'), ['repository:a:pull'])
})

test('what is not understood asks for nothing', () => {
  const odd = [
    '',
    ' ',
    'a',
    'repository:a',
    'repository::pull',
    ':a:pull',
    'repository:A:pull',
    'user:a:pull',
  ]
  const odder = [
    'repository:../a:pull',
    'repository:host:5000/a:pull',
    'repository:a/**:pull',
    'Repository:a:*',
  ]
  assert.deepEqual(parsed(...odd, ...odder), [])
  // The repository is understood, the action is not.
  assert.deepEqual(parsed('repository:a:Pull,pull%2Cpush,admin,'), ['repository:a:'])
})

test('what was formatted is parsed back', () => {
  const action = fc.constantFrom<Action>('pull', 'push', 'delete')
  const name = fc.stringMatching(/^[a-z0-9]{1,4}(\/[a-z0-9]{1,4}){0,2}$/)
  const scopes = fc.dictionary(name, fc.uniqueArray(action))
  fc.assert(
    fc.property(scopes, fc.boolean(), (repositories, catalog) => {
      const texts = Object.entries(repositories).map(
        ([each, actions]) => `repository:${each}:${actions.join()}`,
      )
      const first = parseScopes(catalog ? [...texts, 'registry:catalog:*'] : texts)
      assert.equal(first.length, texts.length + Number(catalog))
      assert.deepEqual(parseScopes(first.map(formatScope)), first)
      assert.deepEqual(parseScopes([first.map(formatScope).join(' ')]), first)
    }),
  )
})

test('whatever is written, nothing is asked for but that', () => {
  fc.assert(fc.property(scopeTexts, checkScopes), { numRuns: fuzzRuns(2000) })
})
