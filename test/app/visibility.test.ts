// What is private upstream stays private: shown to everybody never, to grants where that is said, to people by their own logins.
import assert from 'node:assert/strict'
import { Agent } from 'node:https'
import { test, type TestContext } from 'node:test'
import { startGateway, type GatewayOptions, type RunningGateway } from '../support/gateway.ts'
import { send, type Answer, type RequestOptions } from '../support/http.ts'
import { startHub, type Hub } from '../support/hub.ts'
import { imageOf } from '../support/images.ts'
import { readLayout } from '../support/oci-layout.ts'
import { atEnd, temporaryFolder } from '../support/scope.ts'
import { startScriptedServer } from '../upstream/scripted-server.ts'
import { copyImage, skopeoFor } from '../support/skopeo.ts'

const PUBLIC = 'library/open'
const SECRET = 'acme/secret'
const open = imageOf({ seed: 'open' })
const secret = imageOf({ seed: 'secret' })
const acme = { username: 'acme', password: 'canary-of-acme' }
const other = { username: 'other', password: 'canary-of-other' }
const HOST = 'ghcr.lan'

const startUpstream = (t: TestContext): Promise<Hub> =>
  startHub(t, {
    images: { [`${PUBLIC}:1`]: open, [`${SECRET}:1`]: secret },
    accounts: { acme: acme.password, other: other.password },
    readers: { [SECRET]: ['acme'] },
  })

interface Mirror {
  readonly gateway: RunningGateway
  readonly ask: (path: string, options?: RequestOptions) => Promise<Answer>
}

async function startMirror(
  t: TestContext,
  hub: Hub,
  upstream: Readonly<Record<string, unknown>>,
  { config, ...options }: GatewayOptions = {},
): Promise<Mirror> {
  const gateway = await startGateway(t, {
    ...options,
    config: {
      access: [{ repositories: ['ghcr.io/**'], pull: ['$anonymous'] }],
      hosts: {
        [HOST]: { defaultNamespace: 'ghcr.io', upstreamLogins: upstream['visibility'] === 'per-user' },
      },
      upstreams: { ghcr: { url: hub.url, namespace: 'ghcr.io', ...upstream } },
      repositories: { 'ghcr.io/**': { mirror: 'ghcr', store: 'mirror' } },
      stores: { mirror: { filesystem: { root: 'mirror' } } },
      ...config,
    },
  })
  // One connection, and so one process: each process asks the upstream for itself.
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  atEnd(t, () => agent.destroy())
  const ask = (path: string, options: RequestOptions = {}) =>
    send(`${gateway.url}/v2/${path}`, { ca: gateway.ca, agent, headers: { host: HOST }, ...options })
  return { gateway, ask }
}

const manifests = (hub: Hub, repository: string) =>
  hub.received({ server: 'registry', path: new RegExp(`${repository}/(manifests|blobs)`) })

test('the login of the gateway publishes nothing that is private upstream', async (t) => {
  const hub = await startUpstream(t)
  const { ask } = await startMirror(t, hub, acme)
  const denied = await ask(`${SECRET}/manifests/1`)
  assert.equal(denied.status, 403)
  assert.equal(denied.json<{ errors: { code: string }[] }>().errors[0]?.code, 'DENIED')
  assert.equal((await ask(`${SECRET}/blobs/${secret.config.digest}`)).status, 403)
  assert.equal((await ask(`${SECRET}/tags/list`)).status, 403)
  assert.deepEqual(
    manifests(hub, SECRET).filter(({ status }) => status === 200),
    [],
  )
  assert.equal((await ask(`${PUBLIC}/manifests/1`)).status, 200)
  assert.equal((await ask(`${PUBLIC}/blobs/${open.config.digest}`)).status, 200)
})

test('that a repository is public is asked once, with the gateway’s login and without', async (t) => {
  for (const login of [{}, acme]) {
    const hub = await startUpstream(t)
    const { ask } = await startMirror(t, hub, login)
    await ask(`${PUBLIC}/manifests/1`)
    await ask(`${PUBLIC}/blobs/${open.config.digest}`)
    hub.forgetRequests()
    assert.equal((await ask(`${PUBLIC}/manifests/1`)).status, 200)
    assert.equal((await ask(`${PUBLIC}/manifests/${open.manifest.digest}`)).status, 200)
    assert.equal((await ask(`${PUBLIC}/blobs/${open.config.digest}`)).status, 200)
    assert.equal(hub.requests.length, 0)
  }
})

test('what was public when it was last asked is served while the upstream is down, also after a restart', async (t) => {
  const hub = await startUpstream(t)
  const first = await startMirror(t, hub, acme)
  await first.ask(`${PUBLIC}/manifests/1`)
  await first.gateway.program.stop()
  await hub.down()
  const again = await startMirror(t, hub, acme, { folder: first.gateway.folder })
  assert.equal((await again.ask(`${PUBLIC}/manifests/1`)).status, 200)
  assert.equal((await again.ask(`${SECRET}/manifests/1`)).status, 503)
})

test('an URL that is not to see a login does not say who may read while the first one is down', async (t) => {
  const hub = await startUpstream(t)
  // A cache in the LAN, say, which asks nobody for a login.
  const { bytes, mediaType, digest } = secret.manifest
  const headers = { 'content-type': mediaType, 'docker-content-digest': digest }
  const loose = await startScriptedServer(t, (_req, res) => res.writeHead(200, headers).end(bytes))
  const elsewhere = loose.url.replace('127.0.0.1', 'localhost')
  for (const upstream of [acme, { visibility: 'per-user' }]) {
    const { ask } = await startMirror(t, hub, { ...upstream, url: [hub.url, elsewhere] })
    await hub.down()
    assert.equal((await ask(`${SECRET}/manifests/1`)).status, 503)
    if ('visibility' in upstream)
      assert.equal((await ask(`${SECRET}/manifests/1`, { account: other })).status, 503)
    await hub.up()
  }
})

test('an upstream that hangs when it is asked who may read is an error that says so', async (t) => {
  const hub = await startUpstream(t)
  hub.fail({ server: 'registry', path: /open\/(manifests|tags)/ }, { kind: 'hang' })
  const { ask } = await startMirror(t, hub, acme)
  assert.equal((await ask(`${PUBLIC}/manifests/1`)).status, 504)
})

test('an upstream without HEAD is asked for its tags instead', async (t) => {
  const hub = await startUpstream(t)
  hub.fail({ server: 'registry', method: 'HEAD' }, { kind: 'status', status: 405 })
  const { ask } = await startMirror(t, hub, acme)
  assert.equal((await ask(`${PUBLIC}/manifests/1`)).status, 200)
  assert.equal((await ask(`${SECRET}/manifests/1`)).status, 403)
})

test('with visibility: shared the grants alone decide', async (t) => {
  const hub = await startUpstream(t)
  const { ask } = await startMirror(t, hub, { ...acme, visibility: 'shared' })
  assert.equal((await ask(`${SECRET}/manifests/1`)).status, 200)
})

test('content that was kept while it was shared is not shown to everybody when it is not any more', async (t) => {
  const hub = await startUpstream(t)
  const first = await startMirror(t, hub, { ...acme, visibility: 'shared' })
  assert.equal((await first.ask(`${SECRET}/manifests/1`)).status, 200)
  assert.equal((await first.ask(`${SECRET}/blobs/${secret.config.digest}`)).status, 200)
  await first.gateway.program.stop()
  const again = await startMirror(t, hub, {}, { folder: first.gateway.folder })
  for (const path of ['manifests/1', `manifests/${secret.manifest.digest}`, `blobs/${secret.config.digest}`])
    assert.equal((await again.ask(`${SECRET}/${path}`)).status, 403, path)
})

test('per user, the upstream says who may read: by the login of each, and nobody else’s', async (t) => {
  const hub = await startUpstream(t)
  const { gateway, ask } = await startMirror(t, hub, { visibility: 'per-user' })
  const paths = ['manifests/1', `manifests/${secret.manifest.digest}`, `blobs/${secret.config.digest}`]
  for (const path of paths)
    assert.equal((await ask(`${SECRET}/${path}`, { account: acme })).status, 200, path)
  for (const path of paths) {
    assert.equal((await ask(`${SECRET}/${path}`, { account: other })).status, 403, path)
    const { status, headers } = await ask(`${SECRET}/${path}`)
    assert.equal(status, 401, path)
    assert.match(String(headers['www-authenticate']), /^Basic realm="ghcr\.io"/)
  }
  hub.forgetRequests()
  for (const path of paths)
    assert.equal((await ask(`${SECRET}/${path}`, { account: acme })).status, 200, path)
  assert.equal(hub.requests.length, 0)
  assert.equal((await ask(`${PUBLIC}/manifests/1`)).status, 200)
  assert.doesNotMatch(gateway.program.log() + gateway.program.output(), /canary-of|YWNtZTpjYW5h/)
})

test('the catalog names no repository that only some may read upstream', async (t) => {
  const hub = await startUpstream(t)
  const access = [{ catalog: ['$anonymous'] }, { repositories: ['ghcr.io/**'], pull: ['$anonymous'] }]
  const { gateway, ask } = await startMirror(t, hub, { visibility: 'per-user' }, { config: { access } })
  assert.equal((await ask(`${SECRET}/manifests/1`, { account: acme })).status, 200)
  assert.equal((await ask(`${PUBLIC}/manifests/1`)).status, 200)
  const catalog = await send(`${gateway.url}/v2/_catalog`, { ca: gateway.ca })
  assert.deepEqual(catalog.json(), { repositories: [`ghcr.io/${PUBLIC}`] })
})

test('per user, a wrong login is refused, and slowed down', async (t) => {
  const hub = await startUpstream(t)
  const config = { auth: { htpasswd: { file: 'htpasswd' }, throttle: { failures: 1, delay: '1m' } } }
  const { ask } = await startMirror(t, hub, { visibility: 'per-user' }, { config })
  assert.equal((await ask('')).status, 401)
  assert.equal((await ask('', { account: acme })).status, 200)
  assert.equal((await ask('', { account: { ...other, password: 'wrong' } })).status, 401)
  const asked = hub.requests.length
  const { status } = await ask(`${SECRET}/manifests/1`, { account: { ...other, password: 'guess' } })
  assert.equal(status, 429)
  assert.equal(hub.requests.length, asked)
})

test('a login of an account here is not looked at on a host of another registry, nor one from there elsewhere', async (t) => {
  const hub = await startUpstream(t)
  const { gateway, ask } = await startMirror(t, hub, { visibility: 'per-user' })
  const alice = { username: 'alice', password: 'alice-secret' }
  assert.equal((await ask('', { account: alice })).status, 401)
  const elsewhere = { ca: gateway.ca, account: acme }
  assert.equal((await send(`${gateway.url}/v2/ghcr.io/${SECRET}/manifests/1`, elsewhere)).status, 401)
  assert.equal(
    (await send(`${gateway.url}/v2/ghcr.io/${SECRET}/manifests/1`, { ca: gateway.ca })).status,
    403,
  )
  assert.equal(
    (await send(`${gateway.url}/v2/ghcr.io/${PUBLIC}/manifests/1`, { ca: gateway.ca })).status,
    200,
  )
})

test('a login for one upstream never goes to another one', async (t) => {
  const [hub, quay] = [await startUpstream(t), await startUpstream(t)]
  const { ask } = await startMirror(
    t,
    hub,
    { visibility: 'per-user' },
    {
      config: {
        access: [{ repositories: ['**'], pull: ['$anonymous'] }],
        upstreams: {
          ghcr: { url: hub.url, namespace: 'ghcr.io', visibility: 'per-user' },
          quay: { url: quay.url, namespace: 'quay.io', visibility: 'per-user' },
        },
        repositories: {
          'ghcr.io/**': { mirror: 'ghcr', store: 'mirror' },
          'quay.io/**': { mirror: 'quay', store: 'mirror' },
        },
      },
    },
  )
  assert.equal((await ask(`quay.io/${PUBLIC}/manifests/1`, { account: acme })).status, 200)
  assert.notEqual((await ask(`${SECRET}/manifests/1?ns=quay.io`, { account: acme })).status, 200)
  const sent = JSON.stringify(quay.requests.map(({ path, headers, body }) => [path, headers, body]))
  assert.doesNotMatch(sent, /canary|acme:|YWNtZTpj/)
})

test('skopeo copies a private image with its own login for the registry behind', async (t) => {
  const hub = await startUpstream(t)
  const hosts = { '127.0.0.1': { defaultNamespace: 'ghcr.io', upstreamLogins: true } }
  const { gateway } = await startMirror(t, hub, { visibility: 'per-user' }, { config: { hosts } })
  const [skopeo, folder] = [await skopeoFor(t), await temporaryFolder(t)]
  const image = `docker://${gateway.host}/${SECRET}:1`
  const copy = (credentials?: string) =>
    copyImage(
      skopeo,
      { image, caFolder: gateway.caFolder, ...(credentials === undefined ? {} : { credentials }) },
      { image: `oci:${folder}:1` },
    )
  await assert.rejects(copy(), /unauthorized|authentication required/)
  await copy(`acme:${acme.password}`)
  assert.equal((await readLayout(folder))['1']?.digest, secret.manifest.digest)
})
