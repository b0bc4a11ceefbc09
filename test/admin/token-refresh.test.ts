import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { BackendUnavailableError } from '../../src/auth/login-backend.ts'
import { TokenKeys } from '../../src/auth/service/token-keys.ts'
import { TokenIssuer, type TokenRequest } from '../../src/auth/token-issuer.ts'
import { loadTokenKey } from '../../src/auth/token-key.ts'
import { htpasswdLine } from '../support/htpasswd.ts'
import { basic } from '../support/http.ts'
import { temporaryFolder } from '../support/scope.ts'
import { SERVICE, read, refuses, startServer, type TokenServer } from './token-server.ts'

const scope = 'repository:team/web:push,pull'
const team = (...actions: string[]): object => ({ type: 'repository', name: 'team/web', actions })

/** As `docker login` asks. */
async function login({ ask }: TokenServer, name = 'alice', password = 'se:crét'): Promise<string> {
  const query = `account=${name}&client_id=docker&offline_token=true&service=${SERVICE}`
  const answer = await ask(`/token?${query}`, { headers: { Authorization: basic(name, password) } })
  return answer.json<{ refresh_token: string }>().refresh_token
}

/** As dockerd asks with what `docker login` kept. */
const refresh = ({ post }: TokenServer, token: string, more: Record<string, string> = {}) =>
  post({
    grant_type: 'refresh_token',
    client_id: 'docker',
    service: SERVICE,
    scope,
    refresh_token: token,
    ...more,
  })

test('dockerd logs in once and asks with its refresh token from then on', async (t) => {
  const server = await startServer(t)
  const token = await login(server)
  const answer = await refresh(server, token)
  assert.deepEqual(read(answer), { subject: 'alice', access: [team('push', 'pull')] })
  const { token_type, scope: granted, expires_in, refresh_token } = answer.json<Record<string, unknown>>()
  assert.deepEqual([token_type, granted, expires_in], ['Bearer', scope, 300])
  assert.equal(refresh_token, undefined)
  assert.equal((await refresh(server, token, { access_type: 'offline' })).status, 200)
})

test('OAuth2 clients get one with their password when they say that they go offline', async (t) => {
  const server = await startServer(t)
  const form = { grant_type: 'password', username: 'alice', password: 'se:crét', service: SERVICE, scope }
  const plain = (await server.post(form)).json<Record<string, unknown>>()
  assert.equal(plain['refresh_token'], undefined)
  assert.equal(plain['scope'], scope)
  const offline = (await server.post({ ...form, access_type: 'offline' })).json<{ refresh_token: string }>()
  assert.equal(read(await refresh(server, offline.refresh_token)).subject, 'alice')
})

test('it buys what the account is granted now, and no more than was asked', async (t) => {
  const server = await startServer(t)
  const bob = await login(server, 'bob', 'b')
  assert.deepEqual(read(await refresh(server, bob)), { subject: 'bob', access: [] })
  const alice = await login(server)
  const answer = await refresh(server, alice, { scope: 'repository:team/web:pull repository(plugin):x:y' })
  assert.deepEqual(read(answer).access, [team('pull')])
  assert.equal(answer.json<{ scope: string }>().scope, 'repository:team/web:pull')
})

test('anonymous callers get none', async (t) => {
  const { ask } = await startServer(t)
  const answer = (await ask('/token?offline_token=true')).json<Record<string, unknown>>()
  assert.equal(answer['refresh_token'], undefined)
})

test('a new password ends it, and so does the end of the account', async (t) => {
  const server = await startServer(t)
  const [alice, bob] = [await login(server), await login(server, 'bob', 'b')]
  await server.replacePasswords(`${await htpasswdLine('alice', 'new')}\n`)
  refuses(await refresh(server, alice), 401, 'UNAUTHORIZED')
  refuses(await refresh(server, bob), 401, 'UNAUTHORIZED')
})

test('one that is asked for while the password changes is tied to the old password', async (t) => {
  const [key, accounts] = [
    await loadTokenKey(join(await temporaryFolder(t), 'token.key')),
    { stateOf: () => 'x' },
  ]
  const inner = new TokenIssuer({ keys: new TokenKeys(key), issuer: 'dockgate', service: SERVICE, accounts })
  const changed = `${await htpasswdLine('alice', 'new')}\n`
  const issue = async (request: TokenRequest) => {
    await server.replacePasswords(changed)
    return inner.issue(request)
  }
  const server = await startServer(t, { issuer: { issue } })
  const token = await login(server)
  refuses(await refresh(server, token), 401, 'UNAUTHORIZED')
})

test('one that is not ours is refused and not repeated', async (t) => {
  const server = await startServer(t)
  for (const foreign of ['hub-secret', `dgr_${'A'.repeat(59)}`, '', 'a b\n']) {
    const answer = await refresh(server, foreign)
    refuses(answer, 401, 'UNAUTHORIZED')
    assert.doesNotMatch(answer.text(), /hub-secret|dgr_/)
  }
})

test('it is no password, and no Bearer token', async (t) => {
  const server = await startServer(t)
  const token = await login(server)
  const asPassword = { headers: { Authorization: basic('alice', token) } }
  refuses(await server.ask('/token', asPassword), 401, 'UNAUTHORIZED')
  refuses(await server.ask('/token', { token }), 401, 'UNAUTHORIZED')
})

test('a login goes on without one while it can not be kept', async (t) => {
  const down = () => Promise.reject(new BackendUnavailableError('away'))
  const refreshTokens = { issue: down, isOurs: () => true, redeem: down }
  const server = await startServer(t, { refreshTokens })
  assert.equal(await login(server), undefined)
  assert.ok(server.issues[0]?.failure instanceof BackendUnavailableError)
  refuses(await refresh(server, 'x'), 503, 'UNAVAILABLE')
})

test('the public keys are at /token/jwks', async (t) => {
  const { ask } = await startServer(t)
  const answer = await ask('/token/jwks')
  const { keys } = answer.json<{ keys: Record<string, unknown>[] }>()
  assert.deepEqual(
    keys.map(({ kty, crv, use, alg, d }) => [kty, crv, use, alg, d]),
    [['EC', 'P-256', 'sig', 'ES256', undefined]],
  )
  assert.match(String(answer.headers['cache-control']), /^public, max-age=\d+$/)
})
