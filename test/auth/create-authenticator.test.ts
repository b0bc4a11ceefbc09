import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { ANONYMOUS, type Identity } from '../../src/access/identity.ts'
import { InvalidCredentialError, type Authenticator } from '../../src/auth/authenticator.ts'
import { createAuthenticator } from '../../src/auth/create-authenticator.ts'
import { HtpasswdBackend } from '../../src/auth/htpasswd-backend.ts'
import { HtpasswdFile } from '../../src/auth/htpasswd-file.ts'
import { accountsOf, type LoginBackend } from '../../src/auth/login-backend.ts'
import { PasswordVerifier } from '../../src/auth/password-verifier.ts'
import { TokenKeys } from '../../src/auth/service/token-keys.ts'
import { TokenIssuer } from '../../src/auth/token-issuer.ts'
import { loadTokenKey } from '../../src/auth/token-key.ts'
import { writeHtpasswd } from '../support/htpasswd.ts'
import { basic } from '../support/http.ts'
import { temporaryFolder } from '../support/scope.ts'

const alice: Identity = { name: 'alice', method: 'basic', account: { backend: 'htpasswd', key: 'alice' } }

async function backendsOf(t: TestContext): Promise<LoginBackend[]> {
  const passwords = await HtpasswdFile.open({ path: await writeHtpasswd(t, { alice: 'secret' }) })
  t.after(() => passwords.close())
  const verifier = new PasswordVerifier()
  t.after(() => verifier.close())
  return [new HtpasswdBackend({ passwords, verifier })]
}

async function start(t: TestContext): Promise<{ authenticator: Authenticator; issuer: TokenIssuer }> {
  const backends = await backendsOf(t)
  const key = await loadTokenKey(join(await temporaryFolder(t), 'token.key'))
  const token = { keys: new TokenKeys(key), issuer: 'dockgate', service: 'registry.test' }
  const authenticator = createAuthenticator({ backends, token })
  return { authenticator, issuer: new TokenIssuer({ ...token, accounts: accountsOf(backends) }) }
}

test('without a header the caller is anonymous', async (t) => {
  const { authenticator } = await start(t)
  assert.equal(authenticator.authenticate(undefined), ANONYMOUS)
})

test('Basic with neither a name nor a password is nobody, and half of that is no account', async (t) => {
  const { authenticator } = await start(t)
  assert.equal(authenticator.authenticate(basic('', '')), ANONYMOUS)
  for (const header of [basic('alice', ''), basic('', 'secret')])
    await assert.rejects(async () => authenticator.authenticate(header), InvalidCredentialError)
})

test('the scheme of the header decides what is checked', async (t) => {
  const { authenticator, issuer } = await start(t)
  assert.equal((await authenticator.authenticate(basic('alice', 'secret'))).method, 'basic')
  const { token } = await issuer.issue({ identity: alice, scopes: [] })
  assert.equal((await authenticator.authenticate(`Bearer ${token}`)).method, 'bearer')
  assert.equal((await authenticator.authenticate(`BEARER ${token}`)).method, 'bearer')
})

test('garbage of every kind is an invalid credential and nothing else', async (t) => {
  const { authenticator } = await start(t)
  // All that node:http lets through.
  const latin1 = fc.uint8Array().map((bytes) => Buffer.from(bytes).toString('latin1'))
  const scheme = fc.constantFrom('', 'Basic ', 'bearer ', 'Digest ', 'Negotiate ', ' ', 'Basic', 'toString ')
  const rest = fc.oneof(fc.string(), fc.base64String(), latin1)
  await fc.assert(
    fc.asyncProperty(scheme, rest, async (start, end) => {
      await assert.rejects(async () => authenticator.authenticate(start + end), InvalidCredentialError)
    }),
  )
})

test('a header of more than 8 KiB is refused, even with the right password', async (t) => {
  const { authenticator } = await start(t)
  const header = basic('alice', 'secret').replace('Basic ', `Basic ${' '.repeat(8192)}`)
  await assert.rejects(async () => authenticator.authenticate(header), InvalidCredentialError)
})

test('no failure repeats what was presented', async (t) => {
  const { authenticator } = await start(t)
  for (const header of [basic('alice', 'hunter2'), 'Bearer hunter2', 'hunter2', 'Basic hunter2'])
    await assert.rejects(
      async () => authenticator.authenticate(header),
      (error: Error) => !/hunter2|aHVudGVyM|alice/.test(`${error.message} ${error.stack}`),
    )
})

test('a token is refused where none are issued', async (t) => {
  const { issuer } = await start(t)
  const authenticator = createAuthenticator({ backends: await backendsOf(t) })
  const { token } = await issuer.issue({ identity: alice, scopes: [] })
  await assert.rejects(async () => authenticator.authenticate(`Bearer ${token}`), InvalidCredentialError)
})

test('without accounts everybody is anonymous, whatever they present', () => {
  const authenticator = createAuthenticator({ backends: [] })
  for (const header of [undefined, basic('alice', 'secret'), 'Bearer x', 'garbage'])
    assert.equal(authenticator.authenticate(header), ANONYMOUS)
})

test('guesses from one address do not hold up a login from another', async (t) => {
  const { authenticator } = await start(t)
  const ended: string[] = []
  const attempt = async (password: string, address: string): Promise<void> => {
    await Promise.resolve(authenticator.authenticate(basic('alice', password), { address })).catch(
      (error: Error) => error.name,
    )
    ended.push(password)
  }
  const guesses = Array.from({ length: 100 }, (_, index) => attempt(`guess ${index}`, '192.0.2.1'))
  const login = authenticator.authenticate(basic('alice', 'secret'), { address: '192.0.2.2' })
  assert.equal((await login).name, 'alice')
  // 84 were refused at once; of the others two were at work when the login came, and one has its turn before it.
  assert.ok(ended.length < 90, `${ended.length} guesses were answered first`)
  await Promise.all(guesses)
})
