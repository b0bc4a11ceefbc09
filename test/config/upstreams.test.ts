import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigError } from '../../src/config/config-error.ts'
import type { UpstreamConfig } from '../../src/config/config.ts'
import type { Scope } from '../support/scope.ts'
import { load as loadFile } from './config-folder.ts'

const URL_OF_HUB = 'https://registry-1.docker.io'

async function load(
  t: Scope,
  upstream: object,
  {
    env = {},
    route = { mirror: 'hub', store: 'mirror' },
  }: { env?: Record<string, string>; route?: object } = {},
): Promise<{ hub: UpstreamConfig; cwd: string }> {
  const file = {
    upstreams: { hub: { url: URL_OF_HUB, ...upstream } },
    repositories: { 'x/**': route },
    stores: { mirror: { filesystem: { root: 'm' } } },
  }
  const files = { secret: 'sesame\n', pem: 'a PEM' }
  const { config, cwd } = await loadFile(t, JSON.stringify(file), { files, env })
  const hub = config.upstreams.get('hub')
  assert.ok(hub)
  return { hub, cwd }
}

async function problemsOf(...args: Parameters<typeof load>): Promise<string> {
  const error: unknown = await load(...args).then(
    () => assert.fail('it loads'),
    (failure: unknown) => failure,
  )
  assert.ok(error instanceof ConfigError, String(error))
  return error.message
}

test('one URL, or several of which the first is the upstream’s address', async (t) => {
  const { hub } = await load(t, {})
  assert.deepEqual([hub.url, hub.fallbackUrls], [URL_OF_HUB, []])
  const several = (await load(t, { url: [`${URL_OF_HUB}/`, 'https://b.example/x/'] })).hub
  assert.deepEqual([several.url, several.fallbackUrls], [URL_OF_HUB, ['https://b.example/x']])
  assert.match(await problemsOf(t, { url: [URL_OF_HUB, `${URL_OF_HUB}/`] }), /names one URL twice/)
  assert.match(await problemsOf(t, { url: `${URL_OF_HUB}/v2/` }), /leave \/v2 out/)
  assert.match(await problemsOf(t, { url: [] }), /url/)
})

test('each kind of login is told with its defaults', async (t) => {
  const { hub: exec } = await load(t, { exec: { helper: 'ecr-login' } })
  assert.deepEqual(exec.credentials, {
    kind: 'exec',
    helper: 'ecr-login',
    server: URL_OF_HUB,
    lifetimeMs: 900_000,
  })
  const { hub: token, cwd } = await load(t, { bearerTokenFile: 'secret' })
  assert.deepEqual(token.credentials, { kind: 'token', token: undefined, tokenFile: join(cwd, 'secret') })
})

test('two logins, half a login, and files that hold none are refused', async (t) => {
  assert.match(await problemsOf(t, { bearerToken: 'x', exec: { helper: 'y' } }), /give one login/)
  assert.match(await problemsOf(t, { username: 'x', password: 'y', bearerToken: 'z' }), /give one login/)
  assert.match(
    await problemsOf(t, { bearerToken: 'x', bearerTokenFile: 'secret' }),
    /give either bearerToken/,
  )
  assert.match(await problemsOf(t, { bearerTokenFile: 'nowhere' }), /nowhere does not exist/)
  assert.match(await problemsOf(t, { exec: { helper: '../evil' } }), /must be a name such as ecr-login/)
  assert.match(await problemsOf(t, { exec: { helper: 'a b' } }), /must be a name such as ecr-login/)
  assert.match(await problemsOf(t, { bearerToken: 'x', token: { service: 's' } }), /either token or another/)
})

test('a client certificate has both its files', async (t) => {
  const { hub, cwd } = await load(t, { clientCertificate: { certificate: 'pem', key: 'secret' } })
  assert.deepEqual(hub.clientCertificate, {
    certificateFile: join(cwd, 'pem'),
    keyFile: join(cwd, 'secret'),
  })
  assert.match(await problemsOf(t, { clientCertificate: { certificate: 'pem' } }), /key/)
  assert.match(
    await problemsOf(t, { clientCertificate: { certificate: 'gone', key: 'pem' } }),
    /gone does not/,
  )
})

test('the proxy is the environment’s unless the file says otherwise', async (t) => {
  const env = { HTTPS_PROXY: 'proxy.lan:3128', NO_PROXY: 'a.lan, 10.0.0.0/8' }
  const proxyOf = async (upstream: object) => (await load(t, upstream, { env })).hub.proxy
  const https = 'http://proxy.lan:3128'
  assert.deepEqual(await proxyOf({ noProxy: ['b.lan'] }), {
    http: undefined,
    https,
    bypass: ['a.lan', '10.0.0.0/8', 'b.lan'],
  })
  assert.equal(await proxyOf({ proxy: 'off' }), undefined)
  const named = 'http://me:pw@other.lan:8080'
  assert.deepEqual(await proxyOf({ proxy: named }), { http: named, https: named, bypass: [] })
  assert.equal((await load(t, {})).hub.proxy, undefined)
})

test('proxies that are none are refused, in the file and in the environment', async (t) => {
  assert.match(await problemsOf(t, { proxy: 'socks5://proxy.lan' }), /must be a URL such as http:\/\/proxy/)
  const env = { https_proxy: 'socks5://proxy.lan:1080' }
  assert.match(await problemsOf(t, {}, { env }), /HTTPS_PROXY in the environment is no http/)
  await load(t, { proxy: 'off' }, { env })
  assert.match(await problemsOf(t, { proxy: 'off', noProxy: ['x'] }), /proxy is off/)
})

test('redirect origins are origins, the reserve is a share', async (t) => {
  const { hub } = await load(t, { allowedRedirects: ['https://MinIO.internal:9000/'], reserve: '25%' })
  assert.deepEqual([hub.allowedRedirects, hub.reserve], [['https://minio.internal:9000'], 0.25])
  assert.match(await problemsOf(t, { allowedRedirects: ['https://a/b'] }), /must be an origin/)
  assert.match(await problemsOf(t, { reserve: '110%' }), /must be a share such as 10%/)
})

test('what requests that pass through cannot use is refused for a core', async (t) => {
  const core = { route: { proxy: 'hub' } }
  assert.match(await problemsOf(t, { url: [URL_OF_HUB, 'https://b.example'] }, core), /one URL alone/)
  assert.match(await problemsOf(t, { proxy: 'http://proxy.lan:3128' }, core), /not for an upstream/)
  await load(t, { bearerToken: 'x', clientCertificate: { certificate: 'pem', key: 'pem' } }, core)
})
