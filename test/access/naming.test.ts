import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNaming } from '../../src/access/naming.ts'

const naming = createNaming({
  namespaces: ['docker.io', 'ghcr.io'],
  defaultNamespaces: new Map([['mirror.lan', 'docker.io']]),
})

function code(work: () => unknown): unknown {
  try {
    work()
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error
  }
  return undefined
}

test('a plain name on a host without a namespace stays as it is', () => {
  assert.equal(naming.canonical({ name: 'team-a/app', host: 'registry.example.com' }), 'team-a/app')
})

test('every way to ask for an image of Docker Hub leads to one name', () => {
  const asked = [
    { name: 'docker.io/library/alpine', host: 'registry.example.com' },
    { name: 'docker.io/alpine', host: 'registry.example.com' },
    { name: 'library/alpine', host: 'registry.example.com', ns: ['docker.io'] },
    { name: 'alpine', host: 'registry.example.com', ns: ['docker.io'] },
    { name: 'library/alpine', host: 'mirror.lan' },
    { name: 'alpine', host: 'MIRROR.lan:5000' },
    { name: 'docker.io/library/alpine', host: 'mirror.lan' },
    // BuildKit sends the path of its mirror and `ns`.
    { name: 'docker.io/library/alpine', host: 'registry.example.com', ns: ['docker.io'] },
    { name: 'library/alpine', host: 'registry.example.com', prefix: 'docker.io' },
    { name: 'alpine', host: 'registry.example.com', prefix: 'docker.io' },
    { name: 'library/alpine', host: 'registry.example.com', prefix: 'docker.io', ns: ['docker.io'] },
    { name: 'docker.io/library/alpine', host: 'registry.example.com', prefix: 'docker.io' },
  ]
  assert.deepEqual(
    new Set(asked.map((each) => naming.canonical(each))),
    new Set(['docker.io/library/alpine']),
  )
})

test('library/ is filled in for Docker Hub alone', () => {
  assert.equal(naming.canonical({ name: 'tool', host: undefined, ns: ['ghcr.io'] }), 'ghcr.io/tool')
})

test('a host of one namespace still serves another by its full name', () => {
  assert.equal(naming.canonical({ name: 'ghcr.io/acme/tool', host: 'mirror.lan' }), 'ghcr.io/acme/tool')
})

test('an unknown namespace is 404, so that clients fall back, and never a way to anywhere', () => {
  assert.equal(
    code(() => naming.canonical({ name: 'a', host: undefined, ns: ['evil.example.com'] })),
    'NAME_UNKNOWN',
  )
  assert.equal(
    code(() => naming.canonical({ name: 'a', host: undefined, ns: [''] })),
    'NAME_UNKNOWN',
  )
})

test('a path and an ns that name two registries lead to neither', () => {
  const question = { name: 'acme/tool', host: undefined, prefix: 'docker.io', ns: ['ghcr.io'] }
  assert.equal(
    code(() => naming.canonical(question)),
    'NAME_UNKNOWN',
  )
})

test('a repeated ns is refused: two readers of it could take different ones', () => {
  const twice = ['docker.io', 'docker.io']
  assert.equal(
    code(() => naming.canonical({ name: 'a', host: undefined, ns: twice })),
    'NAME_INVALID',
  )
})

test('names that climb, hide or shout are refused', () => {
  const invalid = (name: string) =>
    assert.equal(
      code(() => naming.canonical({ name, host: 'mirror.lan' })),
      'NAME_INVALID',
    )
  invalid('../etc')
  invalid('a/../b')
  invalid('a//b')
  invalid('/a')
  invalid('a/')
  invalid('Team/app')
  invalid('a%2fb')
  invalid('_uploads')
  invalid('')
  invalid('a'.repeat(256))
})

test('a name that only fits without its namespace is refused', () => {
  assert.equal(
    code(() => naming.canonical({ name: 'a'.repeat(250), host: 'mirror.lan' })),
    'NAME_INVALID',
  )
})
