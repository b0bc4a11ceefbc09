import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatChallenge, parseChallenges } from '../../src/oci/challenge.ts'

const parsed = (header: string) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)])

test('a challenge is written as clients read it', () => {
  assert.equal(
    formatChallenge('Bearer', {
      realm: 'https://r.example/token',
      service: 'r',
      scope: 'repository:a:pull,push',
    }),
    'Bearer realm="https://r.example/token",service="r",scope="repository:a:pull,push"',
  )
})

test('whatever a challenge is made of is read back from it', () => {
  const key = fc.stringMatching(/^[a-z_][a-z0-9_-]{0,8}$/)
  // A line break can not be in a header.
  const value = fc.string({ unit: 'binary' }).filter((text) => !/[\r\n]/.test(text))
  fc.assert(
    fc.property(fc.constantFrom('Basic', 'Bearer'), fc.dictionary(key, value), (scheme, parameters) => {
      assert.deepEqual(parseChallenges(formatChallenge(scheme, parameters)), [
        { scheme: scheme.toLowerCase(), parameters: new Map(Object.entries(parameters)) },
      ])
    }),
    { numRuns: 500 },
  )
})

test('a value can not end its challenge, its header or its quotes', () => {
  const written = formatChallenge('Basic', { realm: 'a"\r\nSet-Cookie: x\\' })
  assert.equal(written, 'Basic realm="a\\"  Set-Cookie: x\\\\"')
  assert.deepEqual(parsed(written), [['basic', { realm: 'a"  Set-Cookie: x\\' }]])
})

test('several challenges in one header are told apart', () => {
  assert.deepEqual(parsed('Bearer realm="https://a/t",scope="a,b", Basic realm="x, y"'), [
    ['bearer', { realm: 'https://a/t', scope: 'a,b' }],
    ['basic', { realm: 'x, y' }],
  ])
  assert.deepEqual(parsed('Negotiate, Basic realm=x'), [
    ['negotiate', {}],
    ['basic', { realm: 'x' }],
  ])
})

test('names are in lower case, values may stand without quotes, blanks do not matter', () => {
  assert.deepEqual(parsed('BEARER  Realm = "https://a/t" , SERVICE=registry'), [
    ['bearer', { realm: 'https://a/t', service: 'registry' }],
  ])
})

test('what is malformed ends the reading, and what came before it stays', () => {
  assert.deepEqual(parsed(''), [])
  assert.deepEqual(parsed('"x"'), [])
  assert.deepEqual(parsed('realm="x"'), [])
  assert.deepEqual(parsed('Bearer realm="a", ;;; , Basic realm="b"'), [['bearer', { realm: 'a' }]])
})

test('any header is read, and in a time that grows with its length alone', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (header) => void parseChallenges(header)))
  const began = process.cpuUsage()
  parsed(`Bearer${' '.repeat(100_000)}"`)
  parsed(`Bearer realm="${'\\a'.repeat(50_000)}`)
  parsed(`Bearer realm${' '.repeat(100_000)}"`)
  assert(process.cpuUsage(began).user < 1_000_000)
})
