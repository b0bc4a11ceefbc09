import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import express from 'express'
import { decodeJwt } from 'jose'
import { createPolicy } from '../../src/access/grants-policy.ts'
import { tokenRouter, type TokenIssue } from '../../src/admin/token.ts'
import { AuthenticationBusyError, type Authenticator } from '../../src/auth/authenticator.ts'
import { createAuthenticator } from '../../src/auth/create-authenticator.ts'
import { HtpasswdFile } from '../../src/auth/htpasswd-file.ts'
import { TokenIssuer } from '../../src/auth/token-issuer.ts'
import { loadTokenKey } from '../../src/auth/token-key.ts'
import { formatScope } from '../../src/oci/scope.ts'
import { writeHtpasswd } from '../support/htpasswd.ts'
import { basic, send, type Answer, type RequestOptions } from '../support/http.ts'
import { atEnd, temporaryFolder } from '../support/scope.ts'

const SERVICE = 'registry.test'
const FORM = 'application/x-www-form-urlencoded'

interface TokenServer {
  readonly authenticator: Authenticator
  readonly issues: TokenIssue[]
  readonly ask: (pathAndQuery: string, options?: RequestOptions) => Promise<Answer>
  readonly post: (form: Record<string, string> | string, headers?: Record<string, string>) => Promise<Answer>
}

const policy = createPolicy({
  grants: [
    { repositories: ['public/**'], pull: ['$anonymous'] },
    { repositories: ['team/**'], push: ['alice'], delete: ['alice'] },
    { catalog: ['$authenticated'] },
  ],
})

async function startServer(
  t: TestContext,
  replaced: { authenticator?: Authenticator } = {},
): Promise<TokenServer> {
  const passwords = await HtpasswdFile.open({ path: await writeHtpasswd(t, { alice: 'se:crét', bob: 'b' }) })
  atEnd(t, () => passwords.close())
  const key = await loadTokenKey(join(await temporaryFolder(t), 'token.key'))
  const token = { key, issuer: 'dockgate', service: SERVICE }
  const own = createAuthenticator({ passwords, token })
  atEnd(t, () => own.close())
  const authenticator = replaced.authenticator ?? own
  const issues: TokenIssue[] = []
  const router = tokenRouter({
    authenticator,
    policy,
    issuer: new TokenIssuer(token),
    service: SERVICE,
    onIssue: (_req, issue) => issues.push(issue),
  })
  const url = await listen(t, router)
  const ask = (path: string, options?: RequestOptions): Promise<Answer> => send(url + path, options)
  const post = (form: Record<string, string> | string, headers = {}): Promise<Answer> =>
    ask('/token', {
      method: 'POST',
      headers: { 'Content-Type': FORM, ...headers },
      body: typeof form === 'string' ? form : new URLSearchParams(form).toString(),
    })
  return { authenticator, issues, ask, post }
}

async function listen(t: TestContext, router: express.Router): Promise<string> {
  const server = express().use(router).listen(0, '127.0.0.1')
  atEnd(t, () => void server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return `http://127.0.0.1:${port}`
}

/** What the token of a good answer allows: its subject, and its scopes in their written form. */
function read(answer: Answer): { subject: string | undefined; access: unknown } {
  assert.equal(answer.status, 200, answer.text())
  const { token, access_token } = answer.json<{ token: string; access_token: string }>()
  assert.equal(token, access_token)
  const { sub, access } = decodeJwt(token)
  return { subject: sub, access }
}

function refuses(answer: Answer, status: number, code: string): void {
  assert.equal(answer.status, status, answer.text())
  assert.equal(answer.json<{ errors: [{ code: string }] }>().errors[0].code, code)
  assert.equal(answer.headers['docker-distribution-api-version'], 'registry/2.0')
  assert.equal(answer.headers['cache-control'], 'no-store')
}

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
  assert.deepEqual(Object.keys(others), ['access_token'])
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

test('a grant type that is not offered is refused without a look at what it carries', async (t) => {
  const { post } = await startServer(t)
  const answer = await post({ grant_type: 'refresh_token', refresh_token: 'hub-secret', service: SERVICE })
  refuses(answer, 400, 'UNSUPPORTED')
  assert.doesNotMatch(answer.text(), /hub-secret/)
  refuses(await post({ username: 'alice', password: 'se:crét' }), 400, 'UNSUPPORTED')
})

test('a form that is no form, too large or packed is refused', async (t) => {
  const { post } = await startServer(t)
  refuses(await post('{}', { 'Content-Type': 'application/json' }), 400, 'UNSUPPORTED')
  refuses(await post(`grant_type=password&x=${'x'.repeat(64 * 1024)}`), 413, 'UNSUPPORTED')
  refuses(await post('x', { 'Content-Encoding': 'gzip' }), 415, 'UNSUPPORTED')
  refuses(await post('x', { 'Content-Type': `${FORM}; charset=x-unknown` }), 415, 'UNSUPPORTED')
  refuses(await post(''), 400, 'UNSUPPORTED')
})

test('a token that would not fit a header is not issued', async (t) => {
  const { post } = await startServer(t)
  const scope = Array.from({ length: 300 }, (_, index) => `repository:team/web${index}:pull`).join(' ')
  const account = { grant_type: 'password', username: 'alice', password: 'se:crét' }
  refuses(await post({ ...account, scope }), 400, 'UNSUPPORTED')
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
