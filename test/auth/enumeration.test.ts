// Nobody learns which names exist by what a login costs: hash computations are counted, for every way to be wrong.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidCredentialError, type Source } from '../../src/auth/authenticator.ts'
import { createAuthenticator } from '../../src/auth/create-authenticator.ts'
import { htpasswdLine } from '../support/htpasswd.ts'
import { basic } from '../support/http.ts'
import { htpasswdAccounts } from './htpasswd-accounts.ts'

test('unknown, disabled, reserved and wrong cost one hash each, of one and the same cost, and sound alike', async (t) => {
  const alice = await htpasswdLine('alice', 'secret')
  const reserved = (await htpasswdLine('x', 'secret')).replace('x', '$anonymous')
  const { backend, checked } = htpasswdAccounts(t, alice, 'disabled:!', 'empty:', 'odd:$9$x', reserved)
  const authenticator = createAuthenticator({ backends: [backend], throttle: {} })
  const names = ['alice', 'mallory', 'disabled', 'empty', 'odd', '$anonymous', 'ALICE', '__proto__']
  const messages = new Set<string>()
  const refused = (error: unknown): boolean => {
    assert(error instanceof InvalidCredentialError)
    messages.add(error.message)
    return true
  }
  const source: Source = { address: '192.0.2.1' }
  for (const [index, name] of names.entries()) {
    await assert.rejects(async () => authenticator.authenticate(basic(name, 'wrong'), source), refused)
    assert.equal(checked.length, index + 1, name)
  }
  assert.deepEqual(new Set(checked), new Set([alice.slice('alice:'.length)]))
  assert.equal(messages.size, 1)
})
