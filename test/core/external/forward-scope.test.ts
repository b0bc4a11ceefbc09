import assert from 'node:assert/strict'
import { test } from 'node:test'
import { forwardScope } from '../../../src/core/external/forward-scope.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { parseRepositoryName } from '../../../src/oci/repository-name.ts'

const repository = parseRepositoryName('team/app') ?? assert.fail()

test('a blob is pulled, an upload pulls and pushes', () => {
  const blob = { kind: 'blob', repository, digest: digestOf('x'), query: '' } as const
  assert.equal(forwardScope(blob), 'repository:team/app:pull')
  const upload = { kind: 'upload', repository, id: 'x', query: 'from=base/a&_state=y' } as const
  assert.equal(forwardScope(upload), 'repository:team/app:pull,push')
})

test('a mount pulls from its source, if that is a repository, and another one', () => {
  const start = (query: string) => forwardScope({ kind: 'upload-start', repository, query })
  const own = 'repository:team/app:pull,push'
  assert.equal(start('mount=sha256:x&from=base/a'), `${own} repository:base/a:pull`)
  assert.equal(start('mount=sha256:x&from=team/app'), own)
  assert.equal(start('mount=sha256:x&from=base/a:push repository:secret'), own)
  assert.equal(start(''), own)
})
