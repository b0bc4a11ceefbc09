import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import {
  createTokenText,
  isRobotName,
  isTokenText,
  parseTokenText,
} from '../../../src/auth/accounts/token-text.ts'

test('a token is recognised by its text, and tells its id and the hash of its secret', () => {
  const { id, text, secretHash } = createTokenText()
  assert.match(text, /^dg_[0-9A-Za-z]{16}_[0-9A-Za-z]{49}$/)
  const secret = text.slice(20, 63)
  assert.deepEqual(parseTokenText(text), { id, secretHash: createHash('sha256').update(secret).digest() })
  assert.deepEqual(Buffer.from(secretHash), createHash('sha256').update(secret).digest())
})

test('two tokens have nothing in common', () => {
  const [one, other] = [createTokenText(), createTokenText()]
  assert.notEqual(one.id, other.id)
  assert.notEqual(one.text.slice(20), other.text.slice(20))
})

test('a character that is mistyped, missing or too many makes it no token', () => {
  const { text } = createTokenText()
  const other = text.at(30) === 'x' ? 'y' : 'x'
  assert.equal(isTokenText(text), true)
  assert.equal(isTokenText(text.slice(0, 30) + other + text.slice(31)), false)
  assert.equal(isTokenText(text.slice(0, -1)), false)
  assert.equal(isTokenText(`${text}x`), false)
  assert.equal(isTokenText(`${text}\n`), false)
  assert.equal(isTokenText(text.toLowerCase()), false)
})

test('passwords that look like tokens are none', () => {
  assert.equal(isTokenText('dg_'), false)
  assert.equal(isTokenText(`dg_${'a'.repeat(16)}_${'b'.repeat(49)}`), false)
  assert.equal(isTokenText(''), false)
})

test('a robot’s name is robot: and a plain word', () => {
  assert.equal(isRobotName('robot:ci'), true)
  assert.equal(isRobotName('robot:ci.build-2_x'), true)
  assert.equal(isRobotName('ci'), false)
  assert.equal(isRobotName('robot:'), false)
  assert.equal(isRobotName('robot:a:b'), false)
  assert.equal(isRobotName('robot:a b'), false)
  assert.equal(isRobotName('robot:ci\n'), false)
  assert.equal(isRobotName(`robot:${'a'.repeat(64)}`), false)
})
