// One mirror, asked in every way that clients know to ask a mirror.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { send, type Answer, type RequestOptions } from '../support/http.ts'
import { startHub, type Hub } from '../support/hub.ts'
import { imageOf, type Image } from '../support/images.ts'

const HOST = 'mirror.test'
/** Before and behind a repository's name below `/v2/`, and the host it is asked of. */
const DIALECTS = [
  { dialect: 'by prefix behind /v2/', before: '/v2/docker.io/library/' },
  { dialect: 'by prefix behind /v2/, without library/', before: '/v2/docker.io/' },
  { dialect: 'by prefix before /v2/', before: '/docker.io/v2/library/' },
  { dialect: 'by prefix before /v2/, without library/', before: '/docker.io/v2/' },
  { dialect: 'by ns', before: '/v2/library/', behind: '?ns=docker.io' },
  { dialect: 'by prefix behind /v2/ and ns', before: '/v2/docker.io/library/', behind: '?ns=docker.io' },
  { dialect: 'by prefix before /v2/ and ns', before: '/docker.io/v2/library/', behind: '?ns=docker.io' },
  { dialect: 'by host', before: '/v2/library/', host: HOST },
  { dialect: 'by host, without library/', before: '/v2/', host: HOST },
]

async function startMirror(
  t: TestContext,
  images: Readonly<Record<string, Image>>,
  config: Readonly<Record<string, unknown>> = {},
): Promise<{
  hub: Hub
  gateway: RunningGateway
  ask: (path: string, options?: RequestOptions) => Promise<Answer>
}> {
  const hub = await startHub(t, { images })
  const gateway = await startGateway(t, {
    config: {
      access: [
        { repositories: ['docker.io/**'], pull: ['$anonymous'] },
        { repositories: ['team/**'], pull: ['$authenticated'] },
        { catalog: ['$anonymous'] },
      ],
      hosts: { [HOST]: { defaultNamespace: 'docker.io' } },
      upstreams: { hub: { url: hub.url, namespace: 'docker.io' } },
      repositories: { 'docker.io/**': { mirror: 'hub', store: 'mirror' }, '**': { store: 'main' } },
      stores: { main: { filesystem: { root: 'data' } }, mirror: { filesystem: { root: 'mirror' } } },
      ...config,
    },
  })
  const token = await anonymousToken(gateway, '/token', 'docker.io/library/app')
  const ask = (path: string, options: RequestOptions = {}) =>
    send(gateway.url + path, { ca: gateway.ca, token, ...options })
  return { hub, gateway, ask }
}

async function anonymousToken({ url, ca }: RunningGateway, path: string, name: string): Promise<string> {
  const answer = await send(`${url}${path}?scope=repository:${name}:pull`, { ca })
  return answer.json<{ token: string }>().token
}

test('every dialect leads to the same manifest, tags and blobs, by GET and by HEAD', async (t) => {
  const app = imageOf({ seed: 'app' })
  const { ask } = await startMirror(t, { 'library/app:1': app })
  for (const { dialect, before, behind = '', host } of DIALECTS) {
    const headers = host === undefined ? {} : { host }
    for (const method of ['HEAD', 'GET']) {
      const manifest = await ask(`${before}app/manifests/1${behind}`, { method, headers })
      assert.equal(manifest.headers['docker-content-digest'], app.manifest.digest, `${method} ${dialect}`)
      assert.equal(manifest.headers['oci-namespace'], behind === '' ? undefined : 'docker.io')
      const blob = await ask(`${before}app/blobs/${app.config.digest}${behind}`, { method, headers })
      assert.equal(blob.headers['content-length'], String(app.config.bytes.length), `${method} ${dialect}`)
    }
    const tags = await ask(`${before}app/tags/list${behind}`, { headers })
    assert.deepEqual(tags.json<{ tags: string[] }>().tags, ['1'], dialect)
  }
})

test('HEAD answers cold, for a manifest by tag and by digest and for a blob, with digest, length and type', async (t) => {
  const app = imageOf({ seed: 'app' })
  const { ask } = await startMirror(t, { 'library/app:1': app })
  const blob = await ask(`/v2/docker.io/library/app/blobs/${app.config.digest}`, { method: 'HEAD' })
  assert.deepEqual(
    [blob.status, blob.headers['content-length'], blob.headers['docker-content-digest']],
    [200, String(app.config.bytes.length), app.config.digest],
  )
  for (const reference of [app.manifest.digest, '1']) {
    const answer = await ask(`/v2/docker.io/library/app/manifests/${reference}`, { method: 'HEAD' })
    assert.deepEqual(
      [answer.status, answer.headers['content-length'], answer.headers['docker-content-digest']],
      [200, String(app.manifest.bytes.length), app.manifest.digest],
    )
    assert.equal(answer.headers['content-type'], app.manifest.mediaType)
  }
})

test('an ns or a path that nobody mirrors is 404 before anything is asked anywhere', async (t) => {
  const { hub, ask } = await startMirror(t, {})
  const unknown = [
    '/v2/library/app/manifests/1?ns=ghcr.io',
    `/v2/library/app/manifests/1?ns=${new URL(hub.url).host}`,
    '/ghcr.io/v2/library/app/manifests/1',
    '/ghcr.io/v2/',
    '/docker.io/v2/library/app/manifests/1?ns=ghcr.io',
    '/docker.io/v2/_catalog',
  ]
  for (const path of unknown) assert.equal((await ask(path)).status, 404, path)
  assert.equal((await ask('/v2/library/app/manifests/1?ns=docker.io&ns=ghcr.io')).status, 400)
  assert.equal(hub.requests.length, 0)
})

test('a challenge below a prefix leads to a token service that knows names as they are written below it', async (t) => {
  const app = imageOf({ seed: 'app' })
  const { gateway, ask } = await startMirror(t, { 'library/app:1': app })
  const headers = { Authorization: '' }
  const ping = await ask('/docker.io/v2/', { headers })
  assert.equal(ping.status, 401)
  assert.match(String(ping.headers['www-authenticate']), new RegExp(`realm="${gateway.url}/docker.io/token"`))
  // dockerd asks for the name that it knows, containerd for the one of the challenge.
  for (const name of ['library/app', 'docker.io/library/app']) {
    const token = await anonymousToken(gateway, '/docker.io/token', name)
    assert.equal((await ask('/docker.io/v2/library/app/manifests/1', { token })).status, 200)
  }
  const other = await anonymousToken(gateway, '/token', 'library/app')
  assert.equal((await ask('/docker.io/v2/library/app/manifests/1', { token: other })).status, 401)
})

test('a host that stands for a namespace leads on to it below publicUrl, which stands for none', async (t) => {
  const app = imageOf({ seed: 'app' })
  const publicUrl = 'https://registry.example.com'
  const { ask, gateway } = await startMirror(t, { 'library/app:1': app }, { publicUrl })
  const headers = { host: HOST, Authorization: '' }
  const { headers: answered } = await ask('/v2/', { headers })
  assert.match(
    String(answered['www-authenticate']),
    /realm="https:\/\/registry\.example\.com\/docker\.io\/token"/,
  )
  const { headers: plain } = await ask('/v2/', { headers: { Authorization: '' } })
  assert.match(String(plain['www-authenticate']), /realm="https:\/\/registry\.example\.com\/token"/)
  const token = await anonymousToken(gateway, '/docker.io/token', 'library/app')
  assert.equal((await ask('/v2/library/app/manifests/1', { token, headers: { host: HOST } })).status, 200)
})

test('the base path below a prefix is sent on to, and pages of a list stay below it', async (t) => {
  const [one, two] = [imageOf({ seed: 'one' }), imageOf({ seed: 'two' })]
  const { ask } = await startMirror(t, { 'library/app:1': one, 'library/app:2': two })
  const base = await ask('/docker.io/v2?x=1')
  assert.deepEqual([base.status, base.headers['location']], [301, '/docker.io/v2/?x=1'])
  const page = await ask('/docker.io/v2/library/app/tags/list?n=1')
  assert.match(String(page.headers['link']), /^<\/docker\.io\/v2\/library\/app\/tags\/list\?/)
})
