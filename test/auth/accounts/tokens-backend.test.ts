import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import {
  createAccessToken,
  ownerAccount,
  ownerRobot,
  type TokenRequest,
} from '../../../src/auth/accounts/access-tokens.ts'
import { createAccountStore } from '../../../src/auth/accounts/create-account-store.ts'
import { LiveTokens } from '../../../src/auth/accounts/live-tokens.ts'
import { createTokenText, formatTokenText } from '../../../src/auth/accounts/token-text.ts'
import { TokensBackend } from '../../../src/auth/accounts/tokens-backend.ts'
import { Realm } from '../../../src/auth/realm.ts'
import { parseRepositoryName } from '../../../src/oci/repository-name.ts'
import { atEnd, temporaryFolder } from '../../support/scope.ts'

const INVALID = { code: 'INVALID_CREDENTIAL' }

test('a token logs its robot in, limited to what it was made for', async (t) => {
  const { backend, make } = await setUp(t)
  const { text, token } = await make({ repositories: ['team-a/**'], actions: ['push'] })
  const verdict = await backend.check({ name: 'robot:ci', password: text })
  assert.equal(verdict?.identity.name, 'robot:ci')
  assert.deepEqual(verdict.identity.account, { backend: 'tokens', key: token.id })
  assert.equal(verdict.stillHolds(), true)
  const [app, other] = [parseRepositoryName('team-a/app'), parseRepositoryName('other/app')]
  assert.ok(app && other)
  assert.equal(verdict.identity.ceiling?.allows('push', app), true)
  assert.equal(verdict.identity.ceiling.allows('delete', app), false)
  assert.equal(verdict.identity.ceiling.allows('push', other), false)
})

test('a token is good with its owner’s name alone', async (t) => {
  const { backend, make } = await setUp(t)
  const { text } = await make({})
  await assert.rejects(backend.check({ name: 'robot:cd', password: text }), INVALID)
  await assert.rejects(backend.check({ name: 'alice', password: text }), INVALID)
  await assert.rejects(backend.check({ name: 'ci', password: text }), INVALID)
})

test('another secret with a known id, and an id that is nobody’s, are wrong', async (t) => {
  const { backend, make, used } = await setUp(t)
  const { token } = await make({})
  const stranger = createTokenText()
  await assert.rejects(backend.check({ name: 'robot:ci', password: stranger.text }), INVALID)
  const forged = formatTokenText(token.id, stranger.text.slice(20, 63))
  await assert.rejects(backend.check({ name: 'robot:ci', password: forged }), INVALID)
  assert.deepEqual(used, [])
})

test('what is no token is left to others', async (t) => {
  const { backend } = await setUp(t)
  assert.equal(await backend.check({ name: 'alice', password: 'dg_my_password' }), undefined)
})

test('a token that was made a moment ago by another process is known', async (t) => {
  const { backend, make } = await setUp(t, { pollMs: 600_000 })
  const { text } = await make({})
  assert.ok(await backend.check({ name: 'robot:ci', password: text }))
})

test('a revoked token is refused, and so is what was got with it', async (t) => {
  const { backend, make, store, tokens } = await setUp(t)
  const { text, token } = await make({})
  const verdict = await backend.check({ name: 'robot:ci', password: text })
  assert.ok(backend.stateOf(token.id))
  await store.revokeToken(token.id, new Date())
  await tokens.catchUp()
  assert.equal(verdict?.stillHolds(), false)
  assert.equal(backend.stateOf(token.id), undefined)
  assert.throws(() => backend.limitsOf(token.id, {}), INVALID)
  await assert.rejects(backend.check({ name: 'robot:ci', password: text }), INVALID)
})

test('an expired token is refused at its time', async (t) => {
  let now = Date.now()
  const { backend, make } = await setUp(t, { now: () => now })
  const { text, token } = await make({ expiresAt: new Date(now + 1000) })
  const verdict = await backend.check({ name: 'robot:ci', password: text })
  now += 1000
  assert.equal(verdict?.stillHolds(), false)
  assert.equal(backend.stateOf(token.id), undefined)
  await assert.rejects(backend.check({ name: 'robot:ci', password: text }), INVALID)
})

test('a personal token outlives a password and dies with the account', async (t) => {
  const { backend, make, accounts } = await setUp(t)
  const { text } = await make({ owner: 'alice' })
  accounts.set('alice', 'another hash')
  const verdict = await backend.check({ name: 'alice', password: text })
  assert.equal(verdict?.identity.name, 'alice')
  accounts.delete('alice')
  assert.equal(verdict.stillHolds(), false)
  await assert.rejects(backend.check({ name: 'alice', password: text }), INVALID)
})

test('a personal token that was made so ends with the password', async (t) => {
  const { backend, make, accounts } = await setUp(t)
  const { text, token } = await make({ owner: 'alice', endsWithPassword: true })
  assert.doesNotMatch(token.ownerState ?? '', /hash of alice/)
  const verdict = await backend.check({ name: 'alice', password: text })
  assert.equal(verdict?.stillHolds(), true)
  accounts.set('alice', 'another hash')
  assert.equal(verdict.stillHolds(), false)
  await assert.rejects(backend.check({ name: 'alice', password: text }), INVALID)
})

test('a personal token reaches no further than its account’s realm', async (t) => {
  const realm = new Realm({ hosts: ['a.example.com'], repositories: ['team-a/**'] })
  const { backend, make } = await setUp(t, { realm })
  const { text, token } = await make({ owner: 'alice', repositories: ['**'] })
  const here = { name: 'alice', password: text, host: 'a.example.com' }
  const verdict = await backend.check(here)
  const [app, other] = [parseRepositoryName('team-a/app'), parseRepositoryName('other/app')]
  assert.ok(app && other)
  assert.equal(verdict?.identity.ceiling?.allows('pull', app), true)
  assert.equal(verdict.identity.ceiling.allows('pull', other), false)
  await assert.rejects(backend.check({ ...here, host: 'b.example.com' }), INVALID)
  assert.throws(() => backend.limitsOf(token.id, { host: 'b.example.com' }), INVALID)
})

test('while the store can not be read nobody else is asked, and the client is to come again', async (t) => {
  const { store, text } = await (async () => {
    const { store, make } = await setUp(t)
    return { store, ...(await make({})) }
  })()
  const tokens = await LiveTokens.open({
    store: { readTokens: () => Promise.reject(new Error('down')), onChange: (each) => store.onChange(each) },
  })
  t.after(() => tokens.close())
  const backend = new TokensBackend({ tokens, owners: [], uses: { note: () => undefined } })
  const failure = { code: 'LOGIN_BACKEND_UNAVAILABLE', isFinal: true }
  await assert.rejects(backend.check({ name: 'robot:ci', password: text }), failure)
})

test('every use is told of', async (t) => {
  const { backend, make, used } = await setUp(t)
  const { text, token } = await make({})
  const verdict = await backend.check({ name: 'robot:ci', password: text })
  verdict?.stillHolds()
  backend.stateOf(token.id)
  assert.deepEqual(used, [token.id, token.id])
})

interface SetUpOptions {
  readonly pollMs?: number
  readonly now?: () => number
  readonly realm?: Realm
}

async function setUp(t: TestContext, { realm, ...options }: SetUpOptions = {}) {
  const file = `${await temporaryFolder(t)}/accounts.db`
  const [store, elsewhere] = [
    await createAccountStore({ kind: 'file', file }),
    await createAccountStore({ kind: 'file', file }),
  ]
  const tokens = await LiveTokens.open({ store, pollMs: 5, ...options })
  atEnd(t, () => Promise.all([store.close(), elsewhere.close()]).then(() => undefined))
  atEnd(t, () => tokens.close())
  const accounts = new Map([['alice', 'hash of alice']])
  const owners = [{ name: 'htpasswd', realm, stateOf: (key: string) => accounts.get(key) }]
  const used: string[] = []
  const backend = new TokensBackend({ tokens, owners, uses: { note: (id) => used.push(id) } })
  const make = ({ owner, ...request }: Partial<Omit<TokenRequest, 'owner'>> & { owner?: string }) =>
    createAccessToken(
      elsewhere,
      {
        owner: (owner === undefined ? undefined : ownerAccount(owners, owner)) ?? ownerRobot('ci'),
        repositories: ['**'],
        actions: ['pull'],
        expiresAt: undefined,
        ...request,
      },
      new Date(options.now?.() ?? Date.now()),
    )
  return { backend, make, store, tokens, accounts, used }
}
