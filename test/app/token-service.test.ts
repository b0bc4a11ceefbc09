// The token service as it is configured: keys that rotate, logins that last, strangers, tokens of other servers.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeProtectedHeader, SignJWT } from 'jose'
import { startGateway, writeConfig, type RunningGateway } from '../support/gateway.ts'
import { htpasswdLine } from '../support/htpasswd.ts'
import { basic, send, type RequestOptions } from '../support/http.ts'
import { temporaryFolder } from '../support/scope.ts'
import { until } from '../support/until.ts'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const account = { username: 'alice', password: 'alice-secret' }

interface Tokens {
  readonly token: string
  readonly refresh_token?: string
}

const ask = ({ url, ca }: RunningGateway, path: string, options: RequestOptions = {}) =>
  send(url + path, { ca, ...options })

async function login(gateway: RunningGateway): Promise<Tokens> {
  const path = '/token?offline_token=true&scope=repository:team/app:pull'
  return (await ask(gateway, path, { account })).json<Tokens>()
}

const refresh = (gateway: RunningGateway, { refresh_token = '' }: Tokens) =>
  ask(gateway, '/token', {
    method: 'POST',
    headers: FORM,
    body: new URLSearchParams({
      grant_type: 'refresh_token',
      refresh_token,
      scope: 'repository:team/app:pull',
    }).toString(),
  })

/** 404 is as good as there. */
const pull = async (gateway: RunningGateway, token: string) =>
  (await ask(gateway, '/v2/team/app/tags/list', { token })).status

async function kidOf(gateway: RunningGateway): Promise<string | undefined> {
  return decodeProtectedHeader((await ask(gateway, '/token')).json<Tokens>().token).kid
}

async function kidsOf(gateway: RunningGateway): Promise<string[]> {
  const { keys } = (await ask(gateway, '/token/jwks')).json<{ keys: { kid: string }[] }>()
  return keys.map(({ kid }) => kid)
}

async function writeKey(file: string): Promise<void> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  await writeFile(file, privateKey.export({ type: 'pkcs8', format: 'pem' }))
}

test('keys rotate on SIGHUP, and nobody is logged out', async (t) => {
  const token = { key: 'token.key', certificate: 'token.crt' }
  const auth = { htpasswd: { file: 'htpasswd' }, token }
  const gateway = await startGateway(t, { config: { auth } })
  const { folder, configFile } = gateway
  const before = await login(gateway)
  assert.match(await readFile(join(folder, 'token.crt'), 'utf8'), /BEGIN CERTIFICATE/)

  await writeKey(join(folder, 'next.key'))
  const next = { key: 'next.key', certificate: 'next.crt', previousKeys: ['token.key'] }
  await writeConfig(configFile, { auth: { ...auth, token: next } })
  gateway.program.signal('SIGHUP')
  const old = decodeProtectedHeader(before.token).kid
  await until('the new key', async () => (await kidOf(gateway)) !== old)
  assert.equal(await pull(gateway, before.token), 404)
  assert.equal((await refresh(gateway, before)).status, 200)
  assert.deepEqual((await kidsOf(gateway)).slice(1), [old])

  await writeConfig(configFile, { auth: { ...auth, token: { ...next, previousKeys: [] } } })
  gateway.program.signal('SIGHUP')
  await until('the end of the old key', async () => (await pull(gateway, before.token)) === 401)
  // What `docker login` kept does not depend on the key.
  assert.equal((await refresh(gateway, before)).status, 200)
})

test('a key that a reload has added is taken over when its file changes', async (t) => {
  const auth = { htpasswd: { file: 'htpasswd' } }
  const gateway = await startGateway(t, { config: { auth } })
  // In a folder that nothing else is in.
  const folder = await temporaryFolder(t)
  const file = join(folder, 'other-node.key')
  await writeKey(file)
  await writeConfig(gateway.configFile, { auth: { ...auth, token: { previousKeys: [file] } } })
  await until('the key of the other node', async () => (await kidsOf(gateway)).length === 2)
  const [, former] = await kidsOf(gateway)
  await writeKey(file)
  await until('the new key of the other node', async () => (await kidsOf(gateway))[1] !== former)
})

test('a login lasts over a restart, and ends with the password', async (t) => {
  const folder = await temporaryFolder(t)
  const file = join(folder, 'accounts')
  await writeFile(file, `${await htpasswdLine('alice', 'alice-secret')}\n`)
  const options = { folder, config: { auth: { htpasswd: { file } } } }
  const gateway = await startGateway(t, options)
  const tokens = await login(gateway)
  await gateway.program.stop()
  const again = await startGateway(t, options)
  const renewed = (await refresh(again, tokens)).json<Tokens>()
  assert.equal(await pull(again, renewed.token), 404)
  await writeFile(file, `${await htpasswdLine('alice', 'another')}\n`)
  await until('the new password', async () => (await refresh(again, tokens)).status === 401)
  assert.equal(await pull(again, renewed.token), 401)
})

test('a mirror takes the logins of strangers, by token and by password, and keeps and logs nothing of them', async (t) => {
  const hosts = { 'mirror.lan': { lenient: true } }
  const access = [
    { repositories: ['public/**'], pull: ['$anonymous'], push: ['alice'] },
    { repositories: ['team/**'], pull: ['$authenticated'] },
  ]
  for (const token of ['off', {}]) {
    const auth = { htpasswd: { file: 'htpasswd' }, token }
    const gateway = await startGateway(t, { config: { hosts, access, auth } })
    const as = (host: string, name: string, password: string, path: string, method = 'GET') =>
      ask(gateway, path, { method, headers: { host, authorization: basic(name, password) } })
    const stranger = async (path: string, method?: string) =>
      (await as('mirror.lan', 'hubuser', 'hub-canary', path, method)).status
    assert.equal(await stranger('/v2/'), 200)
    assert.equal(await stranger('/v2/public/app/tags/list'), 404)
    assert.equal(await stranger('/v2/team/app/tags/list'), 401)
    assert.equal(await stranger('/v2/public/app/blobs/uploads/', 'POST'), 401)
    assert.equal((await as('mirror.lan', 'alice', 'wrong', '/v2/')).status, 401)
    assert.equal((await as('localhost', 'hubuser', 'hub-canary', '/v2/')).status, 401)
    if (token !== 'off')
      assert.equal(await stranger('/token?account=hubuser&scope=repository:public/app:pull'), 200)
    await gateway.program.stop()
    assert.doesNotMatch(gateway.program.output() + gateway.program.log(), /hub-canary|hubuser/)
  }
})

test('tokens of a server elsewhere are taken, grants decide, and clients are sent there', async (t) => {
  const folder = await temporaryFolder(t)
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'ES256' }
  await writeFile(join(folder, 'jwks.json'), JSON.stringify({ keys: [jwk] }))
  const realm = 'https://gitlab.test/jwt/auth'
  const gateway = await startGateway(t, {
    config: {
      auth: {
        token: { realm, service: 'registry.test', key: join(folder, 'token.key') },
        externalTokens: [
          {
            source: 'gitlab',
            issuer: 'gitlab',
            service: 'registry.test',
            jwks: join(folder, 'jwks.json'),
          },
        ],
      },
      access: [
        { repositories: ['team/**'], pull: ['@gitlab:any'], push: ['gitlab:bob'] },
        { repositories: ['other/**'], pull: ['alice'] },
      ],
    },
  })
  const challenge = (await ask(gateway, '/v2/')).headers['www-authenticate']
  assert.equal(challenge, `Bearer realm="${realm}",service="registry.test"`)
  const tokenOf = (sub: string, ...names: string[]) =>
    new SignJWT({ access: names.map((name) => ({ type: 'repository', name, actions: ['pull', 'push'] })) })
      .setProtectedHeader({ alg: 'ES256', kid: 'k' })
      .setIssuer('gitlab')
      .setAudience('registry.test')
      .setSubject(sub)
      .setExpirationTime('5m')
      .sign(privateKey)
  const bob = await tokenOf('bob', 'team/app', 'other/app')
  assert.equal(await pull(gateway, bob), 404)
  const start = { method: 'POST', token: bob }
  assert.equal((await ask(gateway, '/v2/team/app/blobs/uploads/', start)).status, 202)
  assert.equal((await ask(gateway, '/v2/team/b/blobs/uploads/', start)).status, 401)
  assert.equal((await ask(gateway, '/v2/other/app/tags/list', { token: bob })).status, 403)
  const carol = await tokenOf('carol', 'team/app')
  assert.equal(await pull(gateway, carol), 404)
  const denied = await ask(gateway, '/v2/team/app/blobs/uploads/', { method: 'POST', token: carol })
  assert.equal(denied.status, 403)
  // It does not buy one of ours, which would last longer.
  assert.equal((await ask(gateway, '/token?scope=repository:team/app:pull', { token: bob })).status, 401)
})
