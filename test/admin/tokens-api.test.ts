import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import express from 'express'
import { PatternsCeiling } from '../../src/access/patterns-ceiling.ts'
import { ANONYMOUS, type Identity } from '../../src/access/identity.ts'
import { createPolicy } from '../../src/access/grants-policy.ts'
import { tokensApi } from '../../src/admin/tokens-api.ts'
import { describeToken, type TokenDescription } from '../../src/auth/accounts/access-tokens.ts'
import {
  AccountStoreError,
  type AccessToken,
  type AccountStore,
} from '../../src/auth/accounts/account-store.ts'
import { createAccountStore } from '../../src/auth/accounts/create-account-store.ts'
import { isTokenText } from '../../src/auth/accounts/token-text.ts'
import { InvalidCredentialError, type Authenticator } from '../../src/auth/authenticator.ts'
import { accessToken } from '../auth/accounts/records.ts'
import { send, type RequestOptions } from '../support/http.ts'
import { atEnd, temporaryFolder } from '../support/scope.ts'

const LOCAL = { headers: { Authorization: 'Local the-token-of-the-lock' } }
const ALICE = { account: { username: 'alice', password: 'alice' } }
const BOB = { account: { username: 'bob', password: 'bob' } }
const LATER = '2999-01-01T00:00:00Z'

test('an administrator makes tokens for robots and accounts', async (t) => {
  const { create, store } = await start(t)
  const robot = await create(ALICE, {
    for: 'ci',
    robot: true,
    repositories: ['team-a/**'],
    can: ['push'],
    expiresAt: LATER,
  })
  assert.equal(robot.status, 201)
  assert.equal(robot.headers['cache-control'], 'no-store')
  const { token, ...described } = robot.json<TokenDescription & { token: string }>()
  assert.equal(isTokenText(token), true)
  const [kept] = await store.listTokens()
  assert.deepEqual(described, kept && describeToken(kept))
  assert.deepEqual(
    [described.for, described.can, described.expiresAt],
    ['robot:ci', ['push'], '2999-01-01T00:00:00.000Z'],
  )
  const personal = await create(LOCAL, { for: 'bob', expiresAt: null, endsWithPassword: true })
  assert.equal(personal.json<TokenDescription>().for, 'bob')
  assert.deepEqual(
    (await store.listTokens()).map(({ owner }) => owner?.key),
    ['bob', undefined],
  )
})

test('an account makes, lists and revokes tokens of its own, and nobody else’s', async (t) => {
  const { create, call, store } = await start(t)
  await store.saveToken(
    accessToken({ id: 'of-alice', name: 'alice', owner: { backend: 'htpasswd', key: 'alice' } }),
  )
  await store.saveToken(accessToken({ id: 'of-a-robot', name: 'robot:bob' }))
  const made = await create(BOB, { expiresAt: LATER, label: 'laptop' })
  assert.equal(made.status, 201)
  const { id } = made.json<TokenDescription>()
  const listed = (await call('', BOB)).json<{ tokens: TokenDescription[] }>().tokens
  assert.deepEqual(
    listed.map((token) => token.id),
    [id],
  )
  assert.equal((await call('/of-alice', { ...BOB, method: 'DELETE' })).status, 404)
  assert.equal((await call('/of-a-robot', { ...BOB, method: 'DELETE' })).status, 404)
  assert.equal((await create(BOB, { for: 'alice', expiresAt: LATER })).status, 403)
  assert.equal((await create(BOB, { for: 'ci', robot: true, expiresAt: LATER })).status, 403)
  assert.equal((await create(BOB, { robot: true, expiresAt: LATER })).status, 403)
  const revoked = await call(`/${id}`, { ...BOB, method: 'DELETE' })
  assert.deepEqual([revoked.status, revoked.json<TokenDescription>().state], [200, 'revoked'])
  assert.equal((await call('', ALICE)).json<{ tokens: TokenDescription[] }>().tokens.length, 3)
})

test('a token, of whatever kind, makes no tokens, not even an administrator’s', async (t) => {
  const { create, call } = await start(t)
  for (const password of ['token', 'bearer']) {
    const asToken = { account: { username: 'alice', password } }
    assert.equal((await create(asToken, { expiresAt: LATER })).status, 403)
    assert.equal((await call('', asToken)).status, 403)
  }
})

test('who did not log in is challenged, who has no account of a password file is refused', async (t) => {
  const { create, call } = await start(t)
  const anonymous = await call('')
  assert.equal(anonymous.status, 401)
  assert.match(anonymous.headers['www-authenticate'] ?? '', /^Basic /)
  assert.equal((await call('', { account: { username: 'bob', password: 'wrong' } })).status, 401)
  const foreign = { account: { username: 'ldap:carol', password: 'foreign' } }
  assert.equal((await create(foreign, { expiresAt: LATER })).status, 403)
})

test('what makes no sense is answered with what is wrong', async (t) => {
  const { create, call } = await start(t)
  const message = async (input: object) => {
    const { status, ...answer } = await create(ALICE, { expiresAt: LATER, ...input })
    return [status, answer.json<{ errors: { message: string }[] }>().errors[0]?.message]
  }
  assert.deepEqual(await message({ repositories: ['Team/**'] }), [
    400,
    'the pattern "Team/**" holds characters that no repository name has',
  ])
  assert.deepEqual(await message({ expiresAt: '2001-01-01T00:00:00Z' }), [
    400,
    'a token must expire in the future',
  ])
  assert.equal((await message({ can: ['admin'] }))[0], 400)
  assert.equal((await message({ can: [] }))[0], 400)
  assert.equal((await message({ repositories: [] }))[0], 400)
  const expiry = [400, 'expiresAt: must be a time such as 2027-01-01T00:00:00Z, or null for never']
  assert.deepEqual(await message({ expiresAt: 'tomorrow' }), expiry)
  assert.deepEqual(await message({ expiresAt: undefined }), expiry)
  assert.equal((await message({ label: 'two\nlines' }))[0], 400)
  assert.equal((await message({ secret: 'mine' }))[0], 400)
  assert.equal((await message({ for: 'nobody' }))[0], 400)
  assert.equal((await create(ALICE, {})).status, 400)
  assert.equal((await call('', { ...ALICE, method: 'POST', body: '{' })).status, 415)
  assert.equal((await call('/none', { ...ALICE, method: 'DELETE' })).status, 404)
})

test('an account fills nobody’s memory with its tokens', async (t) => {
  const { create, store } = await start(t)
  const owner = { backend: 'htpasswd', key: 'bob' }
  for (let count = 0; count < 100; count += 1) await store.saveToken(accessToken({ name: 'bob', owner }))
  assert.equal((await create(BOB, { expiresAt: LATER })).status, 403)
  assert.equal((await create(ALICE, { expiresAt: LATER })).status, 201)
})

test('an account fills no store with tokens that it makes and revokes', async (t) => {
  const [owner, revokedAt] = [{ backend: 'htpasswd', key: 'bob' }, new Date()]
  const ended = Array.from({ length: 1000 }, () => accessToken({ name: 'bob', owner, revokedAt }))
  const kept = (tokens: AccessToken[]) => ({
    saveToken: () => Promise.resolve(),
    revokeToken: () => Promise.resolve(undefined),
    listTokens: () => Promise.resolve(tokens),
  })
  assert.equal((await (await start(t, kept(ended))).create(BOB, { expiresAt: LATER })).status, 403)
  const fewer = await start(t, kept(ended.slice(1)))
  assert.equal((await fewer.create(BOB, { expiresAt: LATER })).status, 201)
})

test('patterns take no more memory than a token is worth', async (t) => {
  const { create } = await start(t)
  const repositories = Array.from({ length: 9 }, (_, index) => `a${index}${'*b'.repeat(250)}`)
  assert.equal((await create(BOB, { repositories, expiresAt: LATER })).status, 400)
  assert.equal((await create(BOB, { repositories: repositories.slice(1), expiresAt: LATER })).status, 201)
})

test('a store that can not be reached is told as such', async (t) => {
  const down = () => Promise.reject(new AccountStoreError('password authentication failed for dockgate'))
  const { call } = await start(t, { saveToken: down, listTokens: down, revokeToken: down })
  const answer = await call('', ALICE)
  assert.equal(answer.status, 503)
  assert.doesNotMatch(answer.text(), /dockgate/)
})

/** alice administers, bob does not; the password is the name, or says how else somebody came. */
const AUTHENTICATOR: Authenticator = {
  authenticate(authorization): Identity {
    if (authorization === undefined) return ANONYMOUS
    const text = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString()
    const [name, password] = [text.slice(0, text.lastIndexOf(':')), text.slice(text.lastIndexOf(':') + 1)]
    const ceiling = new PatternsCeiling({ repositories: ['**'], actions: ['pull'] })
    switch (password) {
      case name:
        return { name, method: 'basic', account: { backend: 'htpasswd', key: name } }
      case 'token':
        return { name, method: 'basic', account: { backend: 'tokens', key: 'id' }, ceiling }
      case 'bearer':
        return { name, method: 'bearer', account: { backend: 'htpasswd', key: name }, ceiling }
      case 'foreign':
        return { name, method: 'basic', account: { backend: 'ldap', key: 'carol' } }
      default:
        throw new InvalidCredentialError('wrong')
    }
  },
}

async function start(
  t: TestContext,
  replaced?: Pick<AccountStore, 'saveToken' | 'listTokens' | 'revokeToken'>,
) {
  const store = await createAccountStore({ kind: 'file', file: `${await temporaryFolder(t)}/accounts.db` })
  const api = tokensApi({
    authenticator: AUTHENTICATOR,
    policy: createPolicy({ grants: [{ admin: ['alice'] }] }),
    localToken: 'the-token-of-the-lock',
    clientAddress: () => '127.0.0.1',
    store: replaced ?? store,
    owners: [{ name: 'htpasswd', stateOf: (key) => (['alice', 'bob'].includes(key) ? 'hash' : undefined) }],
  })
  const server = createServer(express().use('/api/tokens', api)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, () => store.close())
  atEnd(t, () => server.closeAllConnections())
  atEnd(t, () => void server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/tokens`
  const call = (path: string, options: RequestOptions = {}) => send(url + path, options)
  const create = (options: RequestOptions, input: object) =>
    send(url, {
      ...options,
      method: 'POST',
      body: JSON.stringify(input),
      headers: { 'Content-Type': 'application/json', ...options.headers },
    })
  return { store, call, create }
}
