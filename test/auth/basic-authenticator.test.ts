import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { AuthenticationBusyError, InvalidCredentialError } from '../../src/auth/authenticator.ts'
import { BasicAuthenticator } from '../../src/auth/basic-authenticator.ts'
import { parseHtpasswd, type PasswordList } from '../../src/auth/htpasswd.ts'
import { PasswordVerifier } from '../../src/auth/password-verifier.ts'
import { htpasswdLine } from '../support/htpasswd.ts'
import { basic } from '../support/http.ts'

interface Setting {
  readonly authenticator: BasicAuthenticator
  /** The hashes that passwords were checked against. */
  readonly checked: string[]
  /** For whom they were checked. */
  readonly sources: (string | undefined)[]
  /** Makes these the accounts of now. */
  readonly replace: (...lines: string[]) => PasswordList
}

/** An authenticator over accounts that a test exchanges, with real hashing that is written down. */
function authenticatorOf(t: TestContext, ...lines: string[]): Setting {
  let list = parseHtpasswd(lines.join('\n'))
  const verifier = new PasswordVerifier()
  t.after(() => verifier.close())
  const checked: string[] = []
  const sources: (string | undefined)[] = []
  const authenticator = new BasicAuthenticator({
    passwords: {
      get: (name) => list.entries.get(name),
      has: (name) => list.entries.has(name),
      get decoy() {
        return list.decoy
      },
    },
    verifier: {
      verify(password, hash, source) {
        checked.push(hash)
        sources.push(source)
        return verifier.verify(password, hash, source)
      },
    },
  })
  const replace = (...next: string[]): PasswordList => (list = parseHtpasswd(next.join('\n')))
  return { authenticator, checked, sources, replace }
}

async function refuses({ authenticator }: Setting, header: string): Promise<void> {
  await assert.rejects(async () => authenticator.authenticate(header), InvalidCredentialError)
}

test('the right password gives the account, with colons and beyond ASCII', async (t) => {
  const setting = authenticatorOf(
    t,
    await htpasswdLine('alice', 'a:b:c'),
    await htpasswdLine('zoë', 'pässwörd ☃', 'apr1'),
  )
  const { authenticator } = setting
  assert.deepEqual(await authenticator.authenticate(basic('alice', 'a:b:c')), {
    name: 'alice',
    method: 'basic',
  })
  assert.deepEqual(await authenticator.authenticate(basic('zoë', 'pässwörd ☃')), {
    name: 'zoë',
    method: 'basic',
  })
  await refuses(setting, basic('alice', 'a'))
  await refuses(setting, basic('Alice', 'a:b:c'))
  await refuses(setting, 'Basic garbage!')
})

test('a verified credential is answered without a promise and without hashing', async (t) => {
  const { authenticator, checked } = authenticatorOf(t, await htpasswdLine('alice', 'secret'))
  await authenticator.authenticate(basic('alice', 'secret'))
  assert.deepEqual(authenticator.authenticate(basic('alice', 'secret')), { name: 'alice', method: 'basic' })
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
  assert.deepEqual(authenticator.authenticate(basic('bob', 'secret')), { name: 'bob', method: 'basic' })
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

test('an unknown name, and one whose hash is unsupported, cost as much as a wrong password and never log in', async (t) => {
  const alice = await htpasswdLine('alice', 'secret')
  const setting = authenticatorOf(t, alice, 'carol:{SHA}x', 'dave:')
  const hash = alice.slice('alice:'.length)
  await refuses(setting, basic('alice', 'wrong'))
  // Even with the very password that the decoy hides.
  await refuses(setting, basic('mallory', 'secret'))
  await refuses(setting, basic('carol', 'secret'))
  await refuses(setting, basic('dave', 'secret'))
  assert.deepEqual(setting.checked, [hash, hash, hash, hash])
})

test('a name that every object has is not an account', async (t) => {
  const setting = authenticatorOf(t, await htpasswdLine('alice', 'secret'))
  await refuses(setting, basic('__proto__', 'secret'))
  await refuses(setting, basic('constructor', 'secret'))
})

test('a verifier that is busy says so, and the credential can be tried again', async () => {
  const { entries, decoy } = parseHtpasswd(await htpasswdLine('alice', 'secret'))
  let isBusy = true
  const authenticator = new BasicAuthenticator({
    passwords: { get: (name) => entries.get(name), has: (name) => entries.has(name), decoy },
    verifier: {
      verify: () => (isBusy ? Promise.reject(new AuthenticationBusyError(2)) : Promise.resolve(true)),
    },
  })
  await assert.rejects(
    async () => authenticator.authenticate(basic('alice', 'secret')),
    AuthenticationBusyError,
  )
  isBusy = false
  assert.deepEqual(await authenticator.authenticate(basic('alice', 'secret')), {
    name: 'alice',
    method: 'basic',
  })
})

test('a password is checked in the turn of the client’s network, and a remembered one in no turn at all', async (t) => {
  const { authenticator, sources } = authenticatorOf(t, await htpasswdLine('alice', 'secret'))
  await authenticator.authenticate(basic('alice', 'secret'), '2001:db8:0:7::1')
  await assert.rejects(async () => authenticator.authenticate(basic('alice', 'x'), '192.0.2.1'))
  await assert.rejects(async () => authenticator.authenticate(basic('alice', 'y')))
  assert.deepEqual(sources, ['2001:db8:0:7::/64', '192.0.2.1', undefined])
  assert.deepEqual(authenticator.authenticate(basic('alice', 'secret'), '192.0.2.1'), {
    name: 'alice',
    method: 'basic',
  })
})

test('a password that is too long to be anybody’s is not hashed, whoever is named', async (t) => {
  const setting = authenticatorOf(t, await htpasswdLine('alice', 'secret', 'apr1'))
  await refuses(setting, basic('alice', 'x'.repeat(4000)))
  await refuses(setting, basic('mallory', 'x'.repeat(4000)))
  assert.deepEqual(setting.checked, [])
})
