import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ScopesCeiling } from '../../../src/access/ceiling.ts'
import { ANONYMOUS, type AccountRef, type Identity } from '../../../src/access/identity.ts'
import { AccountStoreError, type AccountStore } from '../../../src/auth/accounts/account-store.ts'
import { createAccountStore } from '../../../src/auth/accounts/create-account-store.ts'
import { InvalidCredentialError } from '../../../src/auth/authenticator.ts'
import { BackendUnavailableError } from '../../../src/auth/login-backend.ts'
import { RefreshTokens, type RefreshTokensOptions } from '../../../src/auth/service/refresh-tokens.ts'
import { atEnd, temporaryFolder } from '../../support/scope.ts'

const account: AccountRef = { backend: 'htpasswd', key: 'alice' }
const alice: Identity = { name: 'alice', method: 'basic', account }

interface Setting {
  readonly tokens: RefreshTokens
  readonly store: AccountStore
  readonly states: Map<string, string>
  /** The same store with other options. */
  readonly other: (options: Partial<RefreshTokensOptions>) => RefreshTokens
}

async function start(t: TestContext): Promise<Setting> {
  const store = await createAccountStore({
    kind: 'file',
    file: join(await temporaryFolder(t), 'accounts.db'),
  })
  atEnd(t, () => store.close())
  const states = new Map([['alice', '$2y$05$old']])
  const accounts = {
    stateOf: ({ key }: AccountRef) => states.get(key),
    lasts: ({ backend }: AccountRef) => backend === 'htpasswd',
  }
  const options = { store, accounts, service: 'registry.test', lifeMs: 60_000, maxPerAccount: 3 }
  return {
    store,
    states,
    tokens: new RefreshTokens(options),
    other: (changes) => new RefreshTokens({ ...options, ...changes }),
  }
}

async function issued(tokens: RefreshTokens): Promise<string> {
  return (await tokens.issue(alice)) ?? assert.fail('no token was issued')
}

async function refuses(tokens: RefreshTokens, token: string): Promise<void> {
  await assert.rejects(tokens.redeem(token, {}), InvalidCredentialError)
}

test('a refresh token stands for its account as often as it is used', async (t) => {
  const { tokens } = await start(t)
  const token = await issued(tokens)
  assert.match(token, /^dgr_[\w-]{59}$/)
  assert.deepEqual(await tokens.redeem(token, {}), alice)
  assert.deepEqual(await tokens.redeem(token, {}), alice)
  const groups = ['ldap:ops']
  const other = (await tokens.issue({ ...alice, groups })) ?? assert.fail()
  assert.deepEqual(await tokens.redeem(other, {}), { ...alice, groups })
})

test('the store holds neither the token nor the hash of the password', async (t) => {
  const { tokens, store } = await start(t)
  const token = await issued(tokens)
  const kept = await store.findRefreshToken(token.slice(4, 20))
  assert.ok(kept)
  const text = JSON.stringify({ ...kept, secretHash: Buffer.from(kept.secretHash).toString('base64url') })
  assert.ok(!text.includes(token.slice(20)))
  assert.ok(!text.includes('$2y$05$old'))
})

test('it ends with a new password, with the account, and with its time, and is then gone from the store', async (t) => {
  const { tokens, store, states, other } = await start(t)
  const [changed, removed, late] = [await issued(tokens), await issued(tokens), await issued(tokens)]
  states.set('alice', '$2y$05$new')
  await refuses(tokens, changed)
  states.delete('alice')
  await refuses(tokens, removed)
  states.set('alice', '$2y$05$old')
  await refuses(other({ now: () => Date.now() + 60_001 }), late)
  for (const token of [changed, removed, late])
    assert.equal(await store.findRefreshToken(token.slice(4, 20)), undefined)
})

test('it is good for no other service', async (t) => {
  const { tokens, other } = await start(t)
  await refuses(other({ service: 'other.test' }), await issued(tokens))
})

test('it does not outlive the lasting of its account’s logins', async (t) => {
  const { tokens, states, other } = await start(t)
  const accounts = { stateOf: ({ key }: AccountRef) => states.get(key), lasts: () => false }
  await refuses(other({ accounts }), await issued(tokens))
})

test('a guess, a cut token and one of another secret are refused, and end nothing', async (t) => {
  const { tokens } = await start(t)
  const [token, another] = [await issued(tokens), await issued(tokens)]
  await refuses(tokens, `dgr_${'A'.repeat(59)}`)
  await refuses(tokens, token.slice(0, -1))
  await refuses(tokens, '')
  await refuses(tokens, token.slice(0, 20) + another.slice(20))
  await refuses(tokens, token.slice(0, 20) + 'A'.repeat(43))
  assert.deepEqual(await tokens.redeem(token, {}), alice)
})

test('an account keeps so many, and the oldest one goes', async (t) => {
  const { other } = await start(t)
  let clock = Date.now()
  const tokens = other({ now: () => ++clock })
  const first = await issued(tokens)
  const others = [await issued(tokens), await issued(tokens), await issued(tokens)]
  await refuses(tokens, first)
  for (const token of others) assert.deepEqual(await tokens.redeem(token, {}), alice)
})

test('nobody gets one who is anonymous, limited, or logged in for a while', async (t) => {
  const { tokens } = await start(t)
  assert.equal(await tokens.issue(ANONYMOUS), undefined)
  assert.equal(await tokens.issue({ ...alice, ceiling: new ScopesCeiling([]) }), undefined)
  assert.equal(await tokens.issue({ name: 'oidc:x', method: 'basic' }), undefined)
  const passing = { backend: 'oidc', key: 'alice' }
  assert.equal(await tokens.issue({ name: 'oidc:alice', method: 'basic', account: passing }), undefined)
  assert.equal(await tokens.issue({ ...alice, account: { ...account, key: 'gone' } }), undefined)
})

test('it is confined to the place that its account is of', async (t) => {
  const { other } = await start(t)
  const tokens = other({
    confine: (identity, { host }) => {
      if (host !== 'team.test') throw new InvalidCredentialError('the account does not exist here')
      return identity
    },
  })
  const token = await issued(tokens)
  await refuses(tokens, token)
  assert.deepEqual(await tokens.redeem(token, { host: 'team.test' }), alice)
})

test('a store that is away is no wrong token', async (t) => {
  const { tokens, other } = await start(t)
  const token = await issued(tokens)
  const away = () => Promise.reject(new AccountStoreError('away'))
  const store = {
    saveRefreshToken: away,
    findRefreshToken: away,
    deleteRefreshToken: away,
    keepLatestRefreshTokensOf: away,
  }
  await assert.rejects(other({ store }).redeem(token, {}), BackendUnavailableError)
  await assert.rejects(other({ store }).issue(alice), BackendUnavailableError)
})
