import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseAccept } from '../../src/oci/accept.ts'
import { DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.ts'

const accepted = (header: string | undefined) =>
  [DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST].filter((type) => parseAccept(header).accepts(type))

test('a header that names no type accepts anything', () => {
  assert.equal(accepted(undefined).length, 3)
  assert.equal(accepted('').length, 3)
  assert.equal(accepted(' ').length, 3)
  assert.equal(accepted(' , ,').length, 3)
})

test('types are accepted in any order, in any case and with parameters', () => {
  assert.deepEqual(accepted(`${OCI_INDEX}, ${DOCKER_MANIFEST}`), [DOCKER_MANIFEST, OCI_INDEX])
  assert.deepEqual(accepted(`${DOCKER_MANIFEST},${OCI_INDEX}`), [DOCKER_MANIFEST, OCI_INDEX])
  assert.deepEqual(accepted(OCI_INDEX.toUpperCase()), [OCI_INDEX])
  assert.deepEqual(accepted(`${OCI_INDEX}; charset=utf-8;q=0.5 , text/html`), [OCI_INDEX])
  assert.deepEqual(accepted('text/html'), [])
})

test('wildcards accept a kind of types, or all', () => {
  assert.equal(accepted('*/*').length, 3)
  assert.equal(accepted('application/*').length, 3)
  assert.equal(accepted(`text/html, */*;q=0.1`).length, 3)
  assert.deepEqual(accepted('text/*'), [])
})

test('a weight of zero refuses a type that a wildcard would take', () => {
  assert.deepEqual(accepted(`*/*, ${OCI_INDEX};q=0`), [DOCKER_MANIFEST, OCI_MANIFEST])
  assert.deepEqual(accepted(`${OCI_INDEX};q=0.000, application/*`), [DOCKER_MANIFEST, OCI_MANIFEST])
  assert.deepEqual(accepted(`${OCI_INDEX}; q=0.01`), [OCI_INDEX])
  assert.deepEqual(accepted('*/*;q=0'), [])
})
