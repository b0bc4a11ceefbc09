import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { LenientHosts } from '../../src/auth/lenient-hosts.ts'
import { basic } from '../support/http.ts'
import { SERVICE, read, refuses, startServer } from './token-server.ts'

const open = (...actions: string[]): object => ({ type: 'repository', name: 'public/a', actions })
const scope = 'repository:public/a:pull,push repository:team/web:pull'

/** A server that is asked as the lenient host `mirror.test` and, for comparison, as `registry.test`. */
async function start(t: TestContext) {
  const server = await startServer(t, { lenientHosts: new LenientHosts(['mirror.test']) })
  const at = (host: string) => ({
    get: (query: string, authorization: string) =>
      server.ask(`/token?${query}`, { headers: { Host: host, Authorization: authorization } }),
    post: (form: Record<string, string>) => server.post({ service: SERVICE, scope, ...form }, { Host: host }),
  })
  return { ...server, mirror: at('mirror.test:5443'), registry: at('registry.test') }
}

test('a name that is unknown here pulls as anybody, and gets no refresh token', async (t) => {
  const { mirror, registry, issues } = await start(t)
  const answer = await mirror.get(`offline_token=true&scope=${scope}`, basic('hubuser', 'hub-secret'))
  assert.deepEqual(read(answer), { subject: '', access: [open('pull')] })
  assert.equal(answer.json<Record<string, unknown>>()['refresh_token'], undefined)
  assert.doesNotMatch(answer.text(), /hub/)
  assert.deepEqual(
    issues.map(({ identity }) => identity.name),
    [undefined],
  )
  refuses(await registry.get(`scope=${scope}`, basic('hubuser', 'hub-secret')), 401, 'UNAUTHORIZED')
})

test('a foreign refresh token and a foreign password are taken in a form, too', async (t) => {
  const { mirror, registry } = await start(t)
  const foreign = { grant_type: 'refresh_token', refresh_token: 'hub-secret', client_id: 'docker' }
  const password = {
    grant_type: 'password',
    username: 'hubuser',
    password: 'hub-secret',
    access_type: 'offline',
  }
  for (const form of [foreign, password]) {
    const answer = await mirror.post(form)
    assert.deepEqual(read(answer), { subject: '', access: [open('pull')] })
    assert.equal(answer.json<Record<string, unknown>>()['refresh_token'], undefined)
    refuses(await registry.post(form), 401, 'UNAUTHORIZED')
  }
})

test('our own names and tokens are held to what they are', async (t) => {
  const { mirror } = await start(t)
  refuses(await mirror.get('', basic('alice', 'wrong')), 401, 'UNAUTHORIZED')
  refuses(
    await mirror.post({ grant_type: 'password', username: 'alice', password: 'x' }),
    401,
    'UNAUTHORIZED',
  )
  const ours = { grant_type: 'refresh_token', refresh_token: `dgr_${'A'.repeat(59)}` }
  refuses(await mirror.post(ours), 401, 'UNAUTHORIZED')
  const alice = await mirror.get(
    'offline_token=true&scope=repository:team/web:pull',
    basic('alice', 'se:crét'),
  )
  assert.equal(read(alice).subject, 'alice')
  const { refresh_token } = alice.json<{ refresh_token: string }>()
  assert.equal(read(await mirror.post({ grant_type: 'refresh_token', refresh_token })).subject, 'alice')
})

test('what is malformed is no stranger', async (t) => {
  const { mirror } = await start(t)
  for (const header of ['Basic', 'Basic x', basic('alice', ''), basic('', 'x'), 'Digest x', 'Bearer a.b.c'])
    refuses(await mirror.get('', header), 401, 'UNAUTHORIZED')
})
