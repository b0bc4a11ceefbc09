import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ticketKeysOf } from '../../src/server/ticket-keys.ts'

test('processes with one secret have the same keys, and other secrets, places and authorities have others', () => {
  const secret = Buffer.alloc(32, 1)
  const keys = ticketKeysOf(secret, ':443', undefined)
  assert.equal(keys.length, 48)
  assert.deepEqual(ticketKeysOf(Buffer.from(secret), ':443', undefined), keys)
  const others = [
    ticketKeysOf(Buffer.alloc(32, 2), ':443', undefined),
    ticketKeysOf(secret, ':8443', undefined),
    ticketKeysOf(secret, ':443', { certificates: ['a'], isRequired: false }),
    ticketKeysOf(secret, ':443', { certificates: ['b'], isRequired: false }),
  ]
  assert.equal(new Set([keys, ...others].map((each) => each.toString('hex'))).size, 5)
})
