// Two password files, each for a host or for repositories of its own, seen through the whole authenticator.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Identity } from '../../src/access/identity.ts'
import { InvalidCredentialError, type Authenticator, type Source } from '../../src/auth/authenticator.ts'
import { createAuthenticator } from '../../src/auth/create-authenticator.ts'
import { HtpasswdBackend } from '../../src/auth/htpasswd-backend.ts'
import { parseHtpasswd } from '../../src/auth/htpasswd.ts'
import { accountsOf } from '../../src/auth/login-backend.ts'
import { PasswordVerifier } from '../../src/auth/password-verifier.ts'
import { Realm, type RealmOptions } from '../../src/auth/realm.ts'
import { Realms } from '../../src/auth/realms.ts'
import { TokenKeys } from '../../src/auth/service/token-keys.ts'
import { TokenIssuer } from '../../src/auth/token-issuer.ts'
import { loadTokenKey } from '../../src/auth/token-key.ts'
import { parseRepositoryName, type RepositoryName } from '../../src/oci/repository-name.ts'
import { parseScopes } from '../../src/oci/scope.ts'
import { htpasswdLine } from '../support/htpasswd.ts'
import { basic } from '../support/http.ts'
import { known } from '../support/known.ts'
import { temporaryFolder } from '../support/scope.ts'

const repository = (name: string): RepositoryName => known(parseRepositoryName(name))

interface File extends RealmOptions {
  readonly name: string
  /** Passwords by account. */
  readonly users: Readonly<Record<string, string>>
}

interface Setting {
  readonly authenticator: Authenticator
  readonly realms: Realms
  readonly tokenFor: (identity: Identity) => Promise<string>
  /** How many password hashes were computed. */
  readonly hashes: () => number
}

async function start(t: TestContext, ...files: File[]): Promise<Setting> {
  const verifier = new PasswordVerifier()
  t.after(() => verifier.close())
  let hashes = 0
  const counted: typeof verifier.verify = (...question) => (hashes++, verifier.verify(...question))
  const backends = await Promise.all(
    files.map(async ({ users, ...realm }) => {
      const lines = Object.entries(users).map(([name, password]) => htpasswdLine(name, password))
      const { entries, decoy } = parseHtpasswd((await Promise.all(lines)).join('\n'))
      return new HtpasswdBackend({
        name: `htpasswd:${realm.name}`,
        realm: new Realm(realm),
        passwords: { get: (name) => entries.get(name), decoy },
        verifier: { verify: counted },
      })
    }),
  )
  const keys = new TokenKeys(await loadTokenKey(join(await temporaryFolder(t), 'token.key')))
  const token = { keys, issuer: 'dockgate', service: 'registry.test' }
  const issuer = new TokenIssuer({ ...token, accounts: accountsOf(backends) })
  const tokenFor = async (identity: Identity) =>
    (await issuer.issue({ identity, scopes: parseScopes(['registry:catalog:*', 'repository:b/x:pull']) }))
      .token
  const authenticator = createAuthenticator({ backends, token })
  return { authenticator, realms: new Realms(backends), tokenFor, hashes: () => hashes }
}

const ofHosts = [
  { name: 'A', hosts: ['a.test'], users: { alice: 'of A', ann: 'of A' } },
  { name: 'B', hosts: ['b.test'], users: { alice: 'of B' } },
]
const ofRepositories = [
  { name: 'A', repositories: ['a/**'], users: { ann: 'of A' } },
  { name: 'B', repositories: ['b/**'], users: { bob: 'of B' } },
]

async function refuses({ authenticator }: Setting, header: string, source: Source): Promise<void> {
  await assert.rejects(async () => authenticator.authenticate(header, source), InvalidCredentialError)
}

test('one name is two accounts in two realms, and each password is good in its own alone', async (t) => {
  const setting = await start(t, ...ofHosts)
  const { authenticator } = setting
  const inA = await authenticator.authenticate(basic('alice', 'of A'), { host: 'a.test:5443' })
  assert.deepEqual(inA.account, { backend: 'htpasswd:A', key: 'alice' })
  const inB = await authenticator.authenticate(basic('alice', 'of B'), { host: 'b.test' })
  assert.deepEqual(inB.account, { backend: 'htpasswd:B', key: 'alice' })
  await refuses(setting, basic('alice', 'of B'), { host: 'a.test' })
  await refuses(setting, basic('ann', 'of A'), { host: 'b.test' })
})

test('what was verified in one realm is not taken for good in another one, however often it is presented', async (t) => {
  const setting = await start(t, ...ofHosts)
  const header = basic('alice', 'of A')
  await setting.authenticator.authenticate(header, { host: 'a.test' })
  await refuses(setting, header, { host: 'b.test' })
  assert.ok(!(setting.authenticator.authenticate(header, { host: 'a.test' }) instanceof Promise))
  await refuses(setting, header, { host: 'b.test' })
})

test('where no realm applies there are no accounts', async (t) => {
  const setting = await start(t, ...ofHosts)
  await refuses(setting, basic('alice', 'of A'), { host: 'c.test' })
  await refuses(setting, basic('alice', 'of A'), {})
})

test('a token is good where its account is, and nowhere else', async (t) => {
  const setting = await start(t, ...ofHosts)
  const { authenticator, tokenFor } = setting
  const alice = await authenticator.authenticate(basic('alice', 'of A'), { host: 'a.test' })
  const header = `Bearer ${await tokenFor(alice)}`
  await refuses(setting, header, { host: 'b.test' })
  assert.equal((await authenticator.authenticate(header, { host: 'a.test' })).name, 'alice')
  await refuses(setting, header, { host: 'b.test' })
  await refuses(setting, header, {})
})

test('an account of some repositories does not exist for the others, and reaches none of them by a detour', async (t) => {
  const setting = await start(t, ...ofRepositories)
  const { authenticator } = setting
  await refuses(setting, basic('ann', 'of A'), { repository: repository('b/x') })
  const ann = await authenticator.authenticate(basic('ann', 'of A'), { repository: repository('a/x') })
  // As a mount from there would ask, and a listing.
  assert.equal(ann.ceiling?.allows('pull', repository('b/x')), false)
  assert.equal(ann.ceiling?.lists(repository('b/x')), false)
  const atPing = await authenticator.authenticate(basic('ann', 'of A'), {})
  assert.equal(atPing.ceiling?.allows('pull', repository('b/x')), false)
})

test('a token keeps the limits of the realm it was got in, whatever scopes it holds', async (t) => {
  const setting = await start(t, ...ofRepositories)
  const { authenticator, tokenFor } = setting
  const ann = await authenticator.authenticate(basic('ann', 'of A'), {})
  const header = `Bearer ${await tokenFor(ann)}`
  await refuses(setting, header, { repository: repository('b/x') })
  const again = await authenticator.authenticate(header, {})
  assert.equal(again.ceiling?.allowsCatalog, true)
  assert.equal(again.ceiling?.allows('pull', repository('b/x')), false)
  assert.equal(again.ceiling?.lists(repository('b/x')), false)
  assert.equal(again.ceiling?.lists(repository('a/x')), true)
})

test('with several files a name that nobody has costs one hash, as a wrong password does', async (t) => {
  const setting = await start(t, ...ofRepositories)
  await refuses(setting, basic('bob', 'wrong'), {})
  assert.equal(setting.hashes(), 1)
  await refuses(setting, basic('ann', 'wrong'), {})
  assert.equal(setting.hashes(), 2)
  await refuses(setting, basic('mallory', 'wrong'), {})
  assert.equal(setting.hashes(), 3)
})

test('a challenge names the realm that applies', async (t) => {
  const { realms } = await start(t, ...ofHosts)
  assert.equal(realms.nameAt({ host: 'b.test:443' }), 'B')
  assert.equal(realms.nameAt({ host: 'c.test' }), 'dockgate')
})
