import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import type { Identity } from '../../src/access/identity.ts'
import { InvalidCredentialError } from '../../src/auth/authenticator.ts'
import { BasicAuthenticator } from '../../src/auth/basic-authenticator.ts'
import { htpasswdLine } from '../support/htpasswd.ts'
import { basic } from '../support/http.ts'
import { htpasswdAccounts, type HtpasswdAccounts } from './htpasswd-accounts.ts'

type Setting = HtpasswdAccounts & { readonly authenticator: BasicAuthenticator }

function authenticatorOf(t: TestContext, ...lines: string[]): Setting {
  const accounts = htpasswdAccounts(t, ...lines)
  return { ...accounts, authenticator: new BasicAuthenticator({ logins: accounts.backend }) }
}

async function refuses({ authenticator }: Setting, header: string): Promise<void> {
  await assert.rejects(async () => authenticator.authenticate(header), InvalidCredentialError)
}

const identityOf = (name: string): Identity => ({
  name,
  method: 'basic',
  account: { backend: 'htpasswd', key: name },
})

test('the right password gives the account, with colons and beyond ASCII', async (t) => {
  const lines = [await htpasswdLine('alice', 'a:b:c'), await htpasswdLine('zoë', 'pässwörd ☃', 'apr1')]
  const setting = authenticatorOf(t, ...lines)
  const { authenticator } = setting
  assert.deepEqual(await authenticator.authenticate(basic('alice', 'a:b:c')), identityOf('alice'))
  assert.deepEqual(await authenticator.authenticate(basic('zoë', 'pässwörd ☃')), identityOf('zoë'))
  await refuses(setting, basic('alice', 'a'))
  await refuses(setting, basic('mallory', 'a:b:c'))
  await refuses(setting, 'Basic garbage!')
})

test('a verified credential is answered without a promise and without hashing', async (t) => {
  const { authenticator, checked } = authenticatorOf(t, await htpasswdLine('alice', 'secret'))
  await authenticator.authenticate(basic('alice', 'secret'))
  assert.deepEqual(authenticator.authenticate(basic('alice', 'secret')), identityOf('alice'))
  assert.equal(checked.length, 1)
})

test('ten connections that present one credential at once cost one hash', async (t) => {
  const { authenticator, checked } = authenticatorOf(t, await htpasswdLine('alice', 'secret'))
  await Promise.all(
    Array.from({ length: 10 }, async () => authenticator.authenticate(basic('alice', 'secret'))),
  )
  assert.equal(checked.length, 1)
})

test('a changed password loses that account’s verified credentials and no others', async (t) => {
  const bob = await htpasswdLine('bob', 'secret')
  const setting = authenticatorOf(t, await htpasswdLine('alice', 'old'), bob)
  const { authenticator, checked, replace } = setting
  await authenticator.authenticate(basic('alice', 'old'))
  await authenticator.authenticate(basic('bob', 'secret'))
  replace(await htpasswdLine('alice', 'new'), bob)
  await refuses(setting, basic('alice', 'old'))
  assert.equal(checked.length, 3)
  assert.deepEqual(authenticator.authenticate(basic('bob', 'secret')), identityOf('bob'))
  assert.equal(checked.length, 3)
  await authenticator.authenticate(basic('alice', 'new'))
})

test('a removed account is refused at once', async (t) => {
  const alice = await htpasswdLine('alice', 'secret')
  const setting = authenticatorOf(t, alice, await htpasswdLine('bob', 'secret'))
  await setting.authenticator.authenticate(basic('bob', 'secret'))
  setting.replace(alice)
  await refuses(setting, basic('bob', 'secret'))
})

test('a password that was changed while it was checked is refused', async (t) => {
  const setting = authenticatorOf(t, await htpasswdLine('alice', 'old'))
  const changed = await htpasswdLine('alice', 'new')
  const answer = setting.authenticator.authenticate(basic('alice', 'old'))
  setting.replace(changed)
  await assert.rejects(async () => answer, InvalidCredentialError)
})

test('a password is checked in the turn of the client’s network, and a remembered one in no turn at all', async (t) => {
  const { authenticator, networks } = authenticatorOf(t, await htpasswdLine('alice', 'secret'))
  await authenticator.authenticate(basic('alice', 'secret'), { address: '2001:db8:0:7::1' })
  await assert.rejects(async () => authenticator.authenticate(basic('alice', 'x'), { address: '192.0.2.1' }))
  await assert.rejects(async () => authenticator.authenticate(basic('alice', 'y')))
  assert.deepEqual(networks, ['2001:db8:0:7::/64', '192.0.2.1', undefined])
  assert.deepEqual(
    authenticator.authenticate(basic('alice', 'secret'), { address: '192.0.2.1' }),
    identityOf('alice'),
  )
})

test('a password that is too long to be anybody’s is not hashed, whoever is named', async (t) => {
  const setting = authenticatorOf(t, await htpasswdLine('alice', 'secret', 'apr1'))
  await refuses(setting, basic('alice', 'x'.repeat(4000)))
  await refuses(setting, basic('mallory', 'x'.repeat(4000)))
  assert.deepEqual(setting.checked, [])
})
