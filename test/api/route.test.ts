import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseRoute } from '../../src/api/route.ts'
import { RegistryError } from '../../src/oci/error.ts'

const digest = `sha256:${'a'.repeat(64)}`
const id = '01234567-89ab-cdef-0123-456789abcdef'

function failure(path: string): string {
  try {
    parseRoute(path)
  } catch (error) {
    if (error instanceof RegistryError) return `${error.status} ${error.code}`
    throw error
  }
  return 'none'
}

test('each path of the API is parsed into its route', () => {
  assert.deepEqual(parseRoute('/v2/'), { kind: 'base' })
  assert.deepEqual(parseRoute('/v2/_catalog'), { kind: 'catalog' })
  assert.deepEqual(parseRoute('/v2/a/b/manifests/1.0'), { kind: 'manifest', name: 'a/b', reference: '1.0' })
  assert.deepEqual(parseRoute(`/v2/a/manifests/${digest}`), {
    kind: 'manifest',
    name: 'a',
    reference: digest,
  })
  assert.deepEqual(parseRoute(`/v2/a/blobs/${digest}`), { kind: 'blob', name: 'a', digest })
  assert.deepEqual(parseRoute('/v2/a/blobs/uploads/'), { kind: 'upload-start', name: 'a' })
  assert.deepEqual(parseRoute('/v2/a/blobs/uploads'), { kind: 'upload-start', name: 'a' })
  assert.deepEqual(parseRoute(`/v2/a/blobs/uploads/${id}`), { kind: 'upload', name: 'a', id })
  assert.deepEqual(parseRoute('/v2/a/tags/list'), { kind: 'tags', name: 'a' })
  assert.deepEqual(parseRoute(`/v2/a/referrers/${digest}`), { kind: 'referrers', name: 'a', digest })
})

test('words of the API may be parts of a repository name', () => {
  assert.deepEqual(parseRoute('/v2/a/manifests/tags/list'), { kind: 'tags', name: 'a/manifests' })
  assert.deepEqual(parseRoute('/v2/a/blobs/uploads/manifests/1'), {
    kind: 'manifest',
    name: 'a/blobs/uploads',
    reference: '1',
  })
})

test('an escaped colon is the same digest; an escaped slash makes no path', () => {
  assert.deepEqual(parseRoute(`/v2/a/blobs/${digest.replace(':', '%3A')}`), {
    kind: 'blob',
    name: 'a',
    digest,
  })
  assert.equal(failure('/v2/a/manifests/..%2f..%2fsecret'), '400 TAG_INVALID')
})

test('malformed references say which they are', () => {
  assert.equal(failure('/v2/a/manifests/sha256:abc'), '400 DIGEST_INVALID')
  assert.equal(failure(`/v2/a/manifests/sha256:${'A'.repeat(64)}`), '400 DIGEST_INVALID')
  assert.equal(failure('/v2/a/blobs/md5:d41d8cd98f00b204e9800998ecf8427e'), '400 DIGEST_INVALID')
  assert.equal(failure('/v2/a/manifests/.hidden'), '400 TAG_INVALID')
  assert.equal(failure(`/v2/a/manifests/${'t'.repeat(129)}`), '400 TAG_INVALID')
  assert.equal(failure('/v2/a/blobs/uploads/not-an-id'), '404 BLOB_UPLOAD_UNKNOWN')
})

test('what is no path of the API is 404', () => {
  assert.equal(failure('/v2/a'), '404 UNSUPPORTED')
  assert.equal(failure('/v2/a/tags/other'), '404 UNSUPPORTED')
  assert.equal(failure('/v2/manifests/x'), '404 UNSUPPORTED')
})

test('no path whatever makes the parser fail with anything but an answer', () => {
  const piece = fc.oneof(
    fc.constantFrom(
      'manifests',
      'blobs',
      'uploads',
      'tags',
      'list',
      'referrers',
      '_catalog',
      digest,
      id,
      '..',
      '%2e%2e',
      '',
    ),
    fc.string({ maxLength: 20 }),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      assert.notEqual(failure(`/v2/${pieces.join('/')}`), '')
    }),
    { numRuns: 2_000 },
  )
})
