import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  algorithmOf,
  createDigester,
  digestOf,
  hexOf,
  isDigestAlgorithm,
  parseDigest,
} from '../../src/oci/digest.ts'

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

test('a digest is an algorithm that we compute and exactly its hex in lower case', () => {
  const [short, long] = [`sha256:${'a'.repeat(64)}`, `sha512:${'0'.repeat(128)}`]
  assert.equal(parseDigest(short), short)
  assert.equal(parseDigest(long), long)
  const refused = [
    '',
    'sha256:',
    'a'.repeat(64),
    `sha256:${'a'.repeat(63)}`,
    `sha256:${'a'.repeat(65)}`,
    `sha256:${'A'.repeat(64)}`,
    `SHA256:${'a'.repeat(64)}`,
    `sha256:${'g'.repeat(64)}`,
    `sha512:${'a'.repeat(64)}`,
    `sha384:${'a'.repeat(96)}`,
    `md5:${'a'.repeat(32)}`,
    `sha256+b64:${'a'.repeat(64)}`,
    ` ${short}`,
    `${short}\n`,
    `sha256:../${'a'.repeat(61)}`,
  ]
  assert.deepEqual(refused.map(parseDigest), Array(refused.length).fill(undefined))
})

test('a digest tells its algorithm and its hex', () => {
  const digests = [digestOf('', 'sha256'), digestOf('', 'sha512')]
  assert.deepEqual(digests.map(algorithmOf), ['sha256', 'sha512'])
  assert.equal(hexOf(digestOf('')), EMPTY)
  assert.deepEqual(
    digests.map((digest) => hexOf(digest).length),
    [64, 128],
  )
  assert.deepEqual(['sha256', 'sha512', 'sha384', 'toString'].map(isDigestAlgorithm), [
    true,
    true,
    false,
    false,
  ])
})

test('the digest of a stream is that of its bytes, however they are cut', () => {
  const algorithm = fc.constantFrom('sha256' as const, 'sha512' as const)
  fc.assert(
    fc.property(algorithm, fc.array(fc.uint8Array()), (name, chunks) => {
      const digester = createDigester(name)
      for (const chunk of chunks) digester.update(chunk)
      const whole = Buffer.concat(chunks)
      assert.equal(digester.digest(), digestOf(whole, name))
      assert.equal(digester.digest(), `${name}:${createHash(name).update(whole).digest('hex')}`)
      assert.equal(parseDigest(digester.digest()), digester.digest())
    }),
  )
})

test('a digest may be asked for on the way, and a copy goes on alone', () => {
  const digester = createDigester()
  digester.update(Buffer.from('a'))
  assert.equal(digester.digest(), digestOf('a'))
  const copy = digester.copy()
  digester.update(Buffer.from('b'))
  copy.update(Buffer.from('c'))
  assert.equal(digester.digest(), digestOf('ab'))
  assert.equal(copy.digest(), digestOf('ac'))
  assert.equal(createDigester('sha512').copy().algorithm, 'sha512')
})
