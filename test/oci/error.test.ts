import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isErrorCode, RegistryError } from '../../src/oci/error.ts'

test('a failure has the status of its code, unless it brings its own', () => {
  assert.equal(new RegistryError('MANIFEST_UNKNOWN', 'm').status, 404)
  assert.equal(new RegistryError('UNAUTHORIZED', 'm').status, 401)
  assert.equal(new RegistryError('TOOMANYREQUESTS', 'm').status, 429)
  assert.equal(new RegistryError('SIZE_INVALID', 'm', { status: 413 }).status, 413)
})

test('the client is told code, message and detail, and nothing of the cause', () => {
  const cause = new Error('connect ECONNREFUSED http://user:secret@core')
  const error = new RegistryError('DENIED', 'no grant', { detail: { action: 'push' }, cause })
  assert.deepEqual(JSON.parse(JSON.stringify(error)), {
    errors: [{ code: 'DENIED', message: 'no grant', detail: { action: 'push' } }],
  })
  assert.equal(error.cause, cause)
  assert.equal(
    JSON.stringify(new RegistryError('DENIED', 'm', { cause, headers: { 'X-A': 'b' } })),
    '{"errors":[{"code":"DENIED","message":"m"}]}',
  )
})

test('headers belong to one failure', () => {
  const { headers } = new RegistryError('UNAVAILABLE', 'm', { headers: { 'Retry-After': '1' } })
  assert.deepEqual(headers, { 'Retry-After': '1' })
  assert.deepEqual(new RegistryError('UNAVAILABLE', 'm').headers, {})
})

test('a code of others is only known when it is in the list', () => {
  assert.deepEqual(['BLOB_UNKNOWN', 'blob_unknown', 'toString', '__proto__', ''].map(isErrorCode), [
    true,
    false,
    false,
    false,
    false,
  ])
})
