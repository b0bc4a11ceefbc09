// Texts that look like scopes, or nearly, and what must hold of whatever is made of them.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseRepositoryName } from '../../src/oci/repository-name.ts'
import { formatScope, parseScopes } from '../../src/oci/scope.ts'

const word = fc.oneof(
  fc.constantFrom('repository', 'registry', 'repository(plugin)', 'Repository', 'user', '', 'catalog'),
  fc.constantFrom(
    'a',
    'team/app',
    'docker.io/library/a',
    '**',
    '../a',
    'A/b',
    'a//b',
    'a/%2e',
    'host:5000/a',
  ),
  fc.constantFrom('pull', 'push', 'delete', '*', 'pull,push', ',', 'pull,*', 'PULL', 'pull\npush', 'admin'),
  fc.string({ maxLength: 8 }),
  fc.string({ unit: 'binary', maxLength: 4 }),
)
const separator = fc.constantFrom(':', ':', ':', ' ', '  ', ',', '\t', '')

/** Values of the parameter `scope`. */
export const scopeTexts = fc.array(
  fc
    .array(fc.tuple(word, separator), { maxLength: 9 })
    .map((parts) => parts.map(([text, end]) => text + end).join('')),
  { maxLength: 4 },
)

/** Nothing is asked for but what is written, of repositories that can be, and of each once. */
export function checkScopes(texts: readonly string[]): void {
  const scopes = parseScopes(texts)
  const written = texts.join(' ')
  const resources = scopes.map((scope) => (scope.type === 'catalog' ? '' : scope.name))
  assert.equal(new Set(resources).size, resources.length)
  for (const scope of scopes) {
    if (scope.type === 'catalog') {
      assert.ok(written.includes('registry') && written.includes(':catalog:*'))
      continue
    }
    assert.equal(parseRepositoryName(scope.name), scope.name)
    assert.ok(written.includes(`:${scope.name}:`))
    for (const action of scope.actions)
      assert.ok(written.includes(action) || /[:,]\*(?:[, ]|$)/.test(written), `${action} of ${written}`)
  }
  assert.deepEqual(parseScopes(scopes.map(formatScope)), scopes)
}
