import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AuthenticationBusyError, InvalidCredentialError } from '../../src/auth/authenticator.ts'
import { HtpasswdBackend } from '../../src/auth/htpasswd-backend.ts'
import { parseHtpasswd } from '../../src/auth/htpasswd.ts'
import { htpasswdLine } from '../support/htpasswd.ts'
import { htpasswdAccounts } from './htpasswd-accounts.ts'

const WRONG = InvalidCredentialError

test('the right password gives the account, with colons and beyond ASCII', async (t) => {
  const lines = [await htpasswdLine('alice', 'a:b:c'), await htpasswdLine('zoë', 'pässwörd ☃', 'apr1')]
  const { backend } = htpasswdAccounts(t, ...lines)
  const verdict = await backend.check({ name: 'alice', password: 'a:b:c' })
  const account = { backend: 'htpasswd', key: 'alice' }
  assert.deepEqual(verdict?.identity, { name: 'alice', method: 'basic', account })
  const zoe = await backend.check({ name: 'zoë', password: 'pässwörd ☃' })
  assert.equal(zoe?.identity.name, 'zoë')
  await assert.rejects(backend.check({ name: 'alice', password: 'a' }), WRONG)
  assert.equal(await backend.check({ name: 'Alice', password: 'a:b:c' }), undefined)
})

test('a verdict holds until the account’s own entry changes or goes', async (t) => {
  const [alice, bob] = [await htpasswdLine('alice', 'secret'), await htpasswdLine('bob', 'secret')]
  const { backend, replace } = htpasswdAccounts(t, alice, bob)
  const verdict = await backend.check({ name: 'alice', password: 'secret' })
  replace(alice, await htpasswdLine('bob', 'new'))
  assert.equal(verdict?.stillHolds(), true)
  replace(await htpasswdLine('alice', 'secret'), bob)
  assert.equal(verdict?.stillHolds(), false)
  replace(bob)
  assert.equal(verdict?.stillHolds(), false)
})

test('an account’s state is one until its entry changes, and none when it is gone', async (t) => {
  const alice = await htpasswdLine('alice', 'secret')
  const { backend, replace } = htpasswdAccounts(t, alice)
  const state = backend.stateOf('alice')
  assert.ok(state)
  replace('# a comment', alice)
  assert.equal(backend.stateOf('alice'), state)
  replace(await htpasswdLine('alice', 'secret'))
  assert.notEqual(backend.stateOf('alice'), state)
  replace()
  assert.equal(backend.stateOf('alice'), undefined)
})

test('what is checked in place of an unknown name, and of one whose hash is unsupported, costs as much and is never right', async (t) => {
  const alice = await htpasswdLine('alice', 'secret')
  const { backend, checked } = htpasswdAccounts(t, alice, 'carol:{UNHEARD-OF}x', 'dave:')
  const hash = alice.slice('alice:'.length)
  await assert.rejects(backend.check({ name: 'alice', password: 'wrong' }), WRONG)
  // Even with the very password that the decoy hides.
  assert.equal(await backend.checkDecoy({ name: 'mallory', password: 'secret' }), false)
  await assert.rejects(backend.check({ name: 'carol', password: 'secret' }), WRONG)
  await assert.rejects(backend.check({ name: 'dave', password: 'secret' }), WRONG)
  assert.deepEqual(checked, [hash, hash, hash, hash])
})

test('a name that every object has is not an account', async (t) => {
  const { backend } = htpasswdAccounts(t, await htpasswdLine('alice', 'secret'))
  assert.equal(await backend.check({ name: '__proto__', password: 'secret' }), undefined)
  assert.equal(await backend.check({ name: 'constructor', password: 'secret' }), undefined)
})

test('a verifier that is busy says so, and the login can be tried again', async () => {
  const { entries, decoy } = parseHtpasswd(await htpasswdLine('alice', 'secret'))
  let isBusy = true
  const backend = new HtpasswdBackend({
    passwords: { get: (name) => entries.get(name), decoy },
    verifier: {
      verify: () => (isBusy ? Promise.reject(new AuthenticationBusyError(2)) : Promise.resolve(true)),
    },
  })
  await assert.rejects(backend.check({ name: 'alice', password: 'secret' }), AuthenticationBusyError)
  isBusy = false
  assert.equal((await backend.check({ name: 'alice', password: 'secret' }))?.identity.name, 'alice')
})
