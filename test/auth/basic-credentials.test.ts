import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createTokenText } from '../../src/auth/accounts/token-text.ts'
import { formatBasicCredentials, parseBasicCredentials } from '../../src/auth/basic-credentials.ts'
import { fuzzRuns } from '../support/fuzz.ts'

const encode = (text: string | Uint8Array): string => `Basic ${Buffer.from(text).toString('base64')}`

test('the name ends at the first colon and the password holds all others', () => {
  assert.deepEqual(parseBasicCredentials(encode('alice:a:b::')), { name: 'alice', password: 'a:b::' })
})

test('a robot’s name keeps its colon in front of a token, and in front of nothing else', () => {
  const { text } = createTokenText()
  const robot = { name: 'robot:ci', password: text }
  assert.deepEqual(parseBasicCredentials(encode(`robot:ci:${text}`)), robot)
  assert.deepEqual(parseBasicCredentials(formatBasicCredentials(robot) ?? ''), robot)
  assert.deepEqual(parseBasicCredentials(encode('robot:ci:secret')), { name: 'robot', password: 'ci:secret' })
  assert.deepEqual(parseBasicCredentials(encode(`alice:ci:${text}`)), {
    name: 'alice',
    password: `ci:${text}`,
  })
  assert.equal(formatBasicCredentials({ name: 'robot:ci', password: 'secret' }), undefined)
})

test('credentials are UTF-8, the scheme is of any case and followed by any spaces', () => {
  const { 1: token = '' } = encode('zoë:pässwörd ☃').split(' ')
  assert.deepEqual(parseBasicCredentials(`bAsIC   ${token}`), { name: 'zoë', password: 'pässwörd ☃' })
})

test('what is not well formed is nobody', () => {
  const garbage = [
    '',
    'Basic',
    'Basic ',
    'Basic !!!!',
    'Basic YWxpY2U6 eA==',
    'Basic YWxpY2U6eA===',
    'Bearer YWxpY2U6eA==',
    'XBasic YWxpY2U6eA==',
    encode('alice'),
    encode(':secret'),
    encode('alice:'),
    encode('alice:secret\0more'),
    encode('alice:secret\n'),
    encode(Buffer.from('alice:\xe4', 'latin1')),
  ]
  assert.deepEqual(
    garbage.filter((header) => parseBasicCredentials(header) !== undefined),
    [],
  )
})

test('a password of more than 512 bytes is nobody’s, so that a guess can not choose what it costs', () => {
  const isRead = (password: string): boolean =>
    parseBasicCredentials(encode(`alice:${password}`))?.password === password
  assert.equal(isRead('x'.repeat(80)), true)
  assert.equal(isRead('x'.repeat(512)), true)
  assert.equal(isRead('x'.repeat(513)), false)
  assert.equal(isRead('ö'.repeat(256)), true)
  assert.equal(isRead('ö'.repeat(257)), false)
})

test('an ID token is read as a password, however long it is', () => {
  const [long, token] = ['x'.repeat(2000), `eyJ${'x'.repeat(1000)}.eyJ${'y'.repeat(1000)}.z`]
  assert.equal(parseBasicCredentials(encode(`oidc:${token}`))?.password, token)
  assert.equal(parseBasicCredentials(encode(`oidc:${long}.${long}`)), undefined)
})

test('what is formatted is read back, and a name with a colon can not be formatted', () => {
  const word = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/\p{Cc}/u.test(text))
  fc.assert(
    fc.property(word, word, (name, password) => {
      const header = formatBasicCredentials({ name, password })
      if (name.includes(':')) assert.equal(header, undefined)
      else assert.deepEqual(parseBasicCredentials(header ?? ''), { name, password })
    }),
  )
})

test('no header makes the reading fail', () => {
  // All that node:http lets through.
  const latin1 = fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1'))
  const tail = fc.oneof(latin1, fc.base64String())
  fc.assert(
    fc.property(fc.constantFrom('', 'Basic ', 'basic  '), tail, (scheme, rest) => {
      parseBasicCredentials(scheme + rest)
    }),
    { numRuns: fuzzRuns(2000) },
  )
})
