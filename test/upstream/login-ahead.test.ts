import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import {
  createUpstreamAccess,
  type UpstreamClientOptions,
} from '../../src/upstream/create-upstream-client.ts'
import { UpstreamUnavailableError } from '../../src/upstream/errors.ts'
import { startScriptedServer, type ScriptedServer } from './scripted-server.ts'

const SCOPE = 'repository:team/app:pull,push'
const credentials = { username: 'gate', password: 'a:b' }
const BASIC = `Basic ${Buffer.from('gate:a:b').toString('base64')}`

/** An upstream whose `GET /v2/` answers with this challenge, or 200 without one; its `/token` counts. */
async function start(
  t: TestContext,
  challenge: (server: () => string) => string | undefined,
  options: Partial<UpstreamClientOptions> = {},
) {
  let issued = 0
  const server: ScriptedServer = await startScriptedServer(t, (req, res) => {
    if (req.url?.startsWith('/token') === true)
      return res.writeHead(200).end(JSON.stringify({ token: `t${++issued}`, expires_in: 300 }))
    const header = challenge(() => server.url)
    return header === undefined
      ? res.writeHead(200).end('{}')
      : res.writeHead(401, { 'www-authenticate': header }).end('{}')
  })
  const { client, login } = createUpstreamAccess({ url: server.url, ...options })
  t.after(() => client.close())
  return { server, login, asked: () => server.requests.map(({ target }) => target) }
}

test('an upstream that wants a token is asked once how, and its token server once for each scope', async (t) => {
  const { login, asked } = await start(t, (url) => `Bearer realm="${url()}/token",service="core"`, {
    credentials,
  })
  assert.deepEqual(await Promise.all([login.header(SCOPE), login.header(SCOPE)]), ['Bearer t1', 'Bearer t1'])
  assert.equal(await login.header(`${SCOPE} repository:base/a:pull`), 'Bearer t2')
  const queries = asked().filter((target) => target.startsWith('/token'))
  assert.equal(asked().length, 3)
  assert.deepEqual(
    queries.map((target) => new URLSearchParams(target.split('?')[1]).getAll('scope')),
    [[SCOPE], [SCOPE, 'repository:base/a:pull']],
  )
})

test('an upstream that wants a password gets it, and so does one that lets everybody look', async (t) => {
  const strict = await start(t, () => 'Basic realm="core"', { credentials })
  assert.equal(await strict.login.header(SCOPE), BASIC)
  const open = await start(t, () => undefined, { credentials })
  assert.equal(await open.login.header(SCOPE), BASIC)
})

test('an upstream that wants no login is sent none, and is not asked again each time', async (t) => {
  const { login, asked } = await start(t, () => undefined)
  assert.equal(await login.header(SCOPE), undefined)
  assert.equal(await login.header('repository:other:pull'), undefined)
  assert.deepEqual(asked(), ['/v2/'])
})

test('after a refusal another token is used', async (t) => {
  const { server, login } = await start(t, (url) => `Bearer realm="${url()}/token",service="core"`)
  const first = await login.header(SCOPE)
  login.refused(SCOPE, `Bearer realm="${server.url}/token",service="core"`, first)
  const second = await login.header(SCOPE)
  assert.equal(first, 'Bearer t1')
  assert.equal(second, 'Bearer t2')
})

test('an upstream that is down says so', async (t) => {
  const { server, login } = await start(t, () => undefined)
  await server.close()
  await assert.rejects(login.header(SCOPE), UpstreamUnavailableError)
})

test('where tokens are minted nobody is asked for any, each scope has its own, and a refused one is made anew', async (t) => {
  const minted: string[] = []
  const mint = async (scope: string) => ({ token: `${minted.push(scope)}`, expiresInSeconds: 300 })
  const { login, asked } = await start(t, () => 'Bearer realm="https://evil.test/token",scope="x:y:*"', {
    mint,
  })
  assert.deepEqual(await Promise.all([login.header(SCOPE), login.header(SCOPE)]), ['Bearer 1', 'Bearer 1'])
  assert.equal(await login.header('repository:other:pull'), 'Bearer 2')
  login.refused(SCOPE, 'Bearer realm="https://evil.test/token",scope="repository:**:*"', 'Bearer 1')
  assert.equal(await login.header(SCOPE), 'Bearer 3')
  assert.deepEqual(minted, [SCOPE, 'repository:other:pull', SCOPE])
  assert.deepEqual(asked(), [])
})
