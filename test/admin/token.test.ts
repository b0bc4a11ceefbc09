import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AuthenticationBusyError } from '../../src/auth/authenticator.ts'
import { formatScope } from '../../src/oci/scope.ts'
import { basic } from '../support/http.ts'
import { FORM, SERVICE, read, refuses, startServer } from './token-server.ts'

const team = (...actions: string[]): object => ({ type: 'repository', name: 'team/web', actions })
const open = (...actions: string[]): object => ({ type: 'repository', name: 'public/a', actions })

test('dockerd logs in by GET, and its token is good for the authenticator', async (t) => {
  const { ask, authenticator } = await startServer(t)
  const answer = await ask(`/token?account=alice&client_id=docker&offline_token=true&service=${SERVICE}`, {
    headers: { Authorization: basic('alice', 'se:crét') },
  })
  assert.deepEqual(read(answer), { subject: 'alice', access: [] })
  const { token, expires_in, issued_at, ...others } = answer.json<Record<string, string | number>>()
  assert.equal(expires_in, 300)
  assert.match(String(issued_at), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d.*Z$/)
  assert.deepEqual(Object.keys(others), ['access_token', 'refresh_token'])
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.equal((await authenticator.authenticate(`Bearer ${token}`)).name, 'alice')
})

test('dockerd pushes with a mount: repeated scopes, actions in any order', async (t) => {
  const { ask } = await startServer(t)
  const query = `scope=repository%3Ateam%2Fweb%3Apush%2Cpull&scope=repository%3Apublic%2Fa%3Apull`
  const answer = await ask(`/token?account=alice&${query}&service=${SERVICE}`, {
    headers: { Authorization: basic('alice', 'se:crét') },
  })
  assert.deepEqual(read(answer).access, [team('push', 'pull'), open('pull')])
})

test('containerd posts its password and asks for scopes separated by spaces', async (t) => {
  const { post } = await startServer(t)
  const answer = await post({
    grant_type: 'password',
    client_id: 'containerd-client',
    service: SERVICE,
    username: 'alice',
    password: 'se:crét',
    scope: 'repository:team/web:pull repository:team/web:pull,push repository:public/a:pull',
  })
  assert.deepEqual(read(answer), { subject: 'alice', access: [team('pull', 'push'), open('pull')] })
})

test('a scope may come unescaped and ask for everything', async (t) => {
  const { ask } = await startServer(t)
  const answer = await ask('/token?scope=repository:team/web:*&scope=registry:catalog:*', {
    headers: { Authorization: basic('alice', 'se:crét') },
  })
  const catalog = { type: 'registry', name: 'catalog', actions: ['*'] }
  assert.deepEqual(read(answer).access, [team('pull', 'push', 'delete'), catalog])
})

test('without credentials the token is anonymous and holds what everyone may', async (t) => {
  const { ask } = await startServer(t)
  const answer = await ask('/token?scope=repository:public/a:pull,push&scope=repository:team/web:pull')
  assert.deepEqual(read(answer), { subject: '', access: [open('pull')] })
})

test('an account gets what it is granted and no more, which is not a failure', async (t) => {
  const { ask } = await startServer(t)
  const answer = await ask('/token?scope=repository:team/web:pull,push', {
    headers: { Authorization: basic('bob', 'b') },
  })
  assert.deepEqual(read(answer), { subject: 'bob', access: [] })
})

test('odd scope strings escalate nothing', async (t) => {
  const { ask } = await startServer(t)
  const odd = [
    'repository:**:*',
    'repository:public/../team/web:push',
    'repository:Team/web:pull',
    'x',
    ':::',
    '*:*:*',
  ]
  const query = new URLSearchParams(odd.map((scope): [string, string] => ['scope', scope]))
  assert.deepEqual(read(await ask(`/token?${query.toString()}`)).access, [])
  assert.deepEqual(read(await ask('/token?scope[]=repository:team/web:push&scope[a]=b&%E0%A4%A')).access, [])
})

test('a wrong password is 401 with a Basic challenge, by GET and by POST', async (t) => {
  const { ask, post } = await startServer(t)
  const byGet = await ask('/token', { headers: { Authorization: basic('alice', 'hunter2') } })
  const byPost = await post({ grant_type: 'password', username: 'alice', password: 'hunter2' })
  for (const answer of [byGet, byPost]) {
    refuses(answer, 401, 'UNAUTHORIZED')
    assert.equal(answer.headers['www-authenticate'], `Basic realm="${SERVICE}"`)
    assert.doesNotMatch(answer.text(), /hunter2|alice/)
  }
  refuses(await post({ grant_type: 'password' }), 401, 'UNAUTHORIZED')
  refuses(await ask('/token', { headers: { Authorization: 'Digest x' } }), 401, 'UNAUTHORIZED')
})

test('a name with a colon in the form is not cut into another name', async (t) => {
  const { post } = await startServer(t)
  refuses(await post({ grant_type: 'password', username: 'bob:b', password: '' }), 401, 'UNAUTHORIZED')
  refuses(await post({ grant_type: 'password', username: 'alice:se', password: 'crét' }), 401, 'UNAUTHORIZED')
})

test('a token does not buy another one', async (t) => {
  const { ask } = await startServer(t)
  const { token } = (await ask('/token')).json<{ token: string }>()
  refuses(await ask('/token', { token }), 401, 'UNAUTHORIZED')
})

test('another service than ours is refused, a missing one is not', async (t) => {
  const { ask } = await startServer(t)
  refuses(await ask('/token?service=other.test'), 400, 'UNSUPPORTED')
  refuses(await ask(`/token?service=${SERVICE}&service=other.test`), 400, 'UNSUPPORTED')
  assert.equal((await ask('/token?service=')).status, 200)
})

test('refresh tokens are not taken where none are given, nor other grant types', async (t) => {
  const { post } = await startServer(t, { refreshTokens: undefined })
  const answer = await post({ grant_type: 'refresh_token', refresh_token: 'hub-secret', service: SERVICE })
  refuses(answer, 400, 'UNSUPPORTED')
  assert.doesNotMatch(answer.text(), /hub-secret/)
  refuses(await post({ username: 'alice', password: 'se:crét' }), 400, 'UNSUPPORTED')
  refuses(await post({ grant_type: 'client_credentials' }), 400, 'UNSUPPORTED')
})

test('a form that is no form, too large or packed is refused', async (t) => {
  const { post } = await startServer(t)
  refuses(await post('{}', { 'Content-Type': 'application/json' }), 400, 'UNSUPPORTED')
  refuses(await post(`grant_type=password&x=${'x'.repeat(64 * 1024)}`), 413, 'UNSUPPORTED')
  refuses(await post('x', { 'Content-Encoding': 'gzip' }), 415, 'UNSUPPORTED')
  refuses(await post('x', { 'Content-Type': `${FORM}; charset=x-unknown` }), 415, 'UNSUPPORTED')
  refuses(await post(''), 400, 'UNSUPPORTED')
})

test('another method is refused', async (t) => {
  const { ask } = await startServer(t)
  const answer = await ask('/token', { method: 'DELETE' })
  refuses(answer, 405, 'UNSUPPORTED')
  assert.equal(answer.headers.allow, 'GET, POST')
})

test('too many logins at once are asked to come back', async (t) => {
  const authenticator = { authenticate: () => Promise.reject(new AuthenticationBusyError(2)) }
  const { ask } = await startServer(t, { authenticator })
  const answer = await ask('/token')
  refuses(answer, 503, 'UNAVAILABLE')
  assert.equal(answer.headers['retry-after'], '2')
})

test('each token is told, with who got it and for what', async (t) => {
  const { ask, issues } = await startServer(t)
  await ask('/token?scope=repository:team/web:pull', {
    headers: { Authorization: basic('alice', 'se:crét') },
  })
  await ask('/token', { headers: { Authorization: basic('alice', 'wrong') } })
  assert.deepEqual(
    issues.map(({ identity, scopes }) => [identity.name, scopes.map(formatScope)]),
    [['alice', ['repository:team/web:pull']]],
  )
})
