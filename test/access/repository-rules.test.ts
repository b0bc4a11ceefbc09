import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Groups } from '../../src/access/grants.ts'
import { parsePattern } from '../../src/access/patterns.ts'
import { RepositoryRules } from '../../src/access/repository-rules.ts'
import { parseRepositoryName } from '../../src/oci/repository-name.ts'
import { known } from '../support/known.ts'

/** The patterns whose rules are looked at for a repository. */
function visited(patterns: readonly string[], repository: string, user?: string): string[] {
  const rules = new RepositoryRules(new Groups({}))
  for (const pattern of patterns) rules.ruleOf(parsePattern(pattern))
  const seen: string[] = []
  rules.find(known(parseRepositoryName(repository)), user, ({ pattern }) => void seen.push(pattern))
  return seen.toSorted()
}

test('of ten thousand patterns of a kind the one that matches is looked at', () => {
  const many = (patternOf: (index: number) => string) =>
    Array.from({ length: 10_000 }, (_, index) => patternOf(index))
  assert.deepEqual(
    visited(
      many((index) => `team-${index}/**`),
      'team-77/a/b',
    ),
    ['team-77/**'],
  )
  assert.deepEqual(
    visited(
      many((index) => `*/app-${index}`),
      'a/app-77',
    ),
    ['*/app-77'],
  )
  assert.deepEqual(
    visited(
      many((index) => `**/app-${index}/*`),
      'a/b/app-77/c',
    ),
    ['**/app-77/*'],
  )
  assert.deepEqual(
    visited(
      many((index) => `\${user}/p${index}/**`),
      'al/p77/c',
      'al',
    ),
    ['${user}/p77/**'],
  )
  assert.deepEqual(
    visited(
      many((index) => `shared/*-${index}`),
      'shared/web-77',
    ),
    ['shared/*-77'],
  )
})

test('every pattern that matches is looked at once', () => {
  const patterns = ['**', '*/**', '**/*', '**/**', 'a/**', '*/b', '**/b', 'a/b', '?/b', 'a/?', 'a/**/b', '*']
  const matching = patterns.filter((pattern) => pattern !== 'a/**/b' && pattern !== '*')
  assert.deepEqual(visited(patterns, 'a/b'), matching.toSorted())
  const deep = ['**', '*/**', '**/*', '**/**', 'a/**', 'a/**/b', '**/b']
  assert.deepEqual(visited(patterns, 'a/x/y/b'), deep.toSorted())
})

test('names that are far longer than patterns do not make a walk long', () => {
  const deep = `${'a/'.repeat(120)}a`
  assert.deepEqual(visited(['**/a/**/a/**/a', '**/**/**', 'a/*/a'], deep), ['**/**/**', '**/a/**/a/**/a'])
})
