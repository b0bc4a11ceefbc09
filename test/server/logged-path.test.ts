import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loggedPath } from '../../src/server/logged-path.ts'

test('neither a query nor who a target in absolute form names gets into a log', () => {
  assert.equal(loggedPath('/v2/team/web/tags/list?access_token=secret'), '/v2/team/web/tags/list')
  assert.equal(loggedPath('http://alice:secret@host/v2/?x=http://alice:secret@host/'), '/v2/')
  assert.equal(loggedPath('*'), '*')
  assert.equal(loggedPath(`/${'a'.repeat(600)}`).length, 513)
})
