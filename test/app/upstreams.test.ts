// Upstreams through a real gateway: what is told of them, what goes to them, and what never does.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { startGateway } from '../support/gateway.ts'
import { basic, send } from '../support/http.ts'
import { startHub } from '../support/hub.ts'
import { imageOf } from '../support/images.ts'
import { temporaryFolder } from '../support/scope.ts'
import { until } from '../support/until.ts'
import { writeHelper } from '../upstream/login/helper-program.ts'

const image = imageOf({ seed: 'upstreams' })
const images = { 'library/alpine:3': image, 'acme/private:1': image }
const manifest = '/v2/docker.io/library/alpine/manifests/3'
const blob = `/v2/docker.io/library/alpine/blobs/${image.config.digest}`

function mirroring(upstream: object): Record<string, unknown> {
  return {
    access: [{ repositories: ['docker.io/**'], pull: ['$anonymous'] }, { admin: ['alice'] }],
    upstreams: { hub: { namespace: 'docker.io', ...upstream } },
    repositories: { 'docker.io/**': { mirror: 'hub', store: 'mirror' } },
    stores: { mirror: { filesystem: { root: 'mirror' } } },
    audit: { pulls: true, file: 'stdout' },
  }
}

test('no login of a client reaches an upstream or a log, nor does the gateway’s own reach a log', async (t) => {
  const hub = await startHub(t, { images, accounts: { acme: 'canary-upstream' } })
  const folder = await temporaryFolder(t)
  await writeFile(join(folder, 'hub-password'), 'canary-upstream')
  const { url, ca, program } = await startGateway(t, {
    folder,
    config: {
      ...mirroring({ url: hub.url, username: 'acme', passwordFile: 'hub-password' }),
      hosts: { localhost: { lenient: true } },
      logging: { format: 'json', level: 'debug' },
    },
  })
  const logins = [basic('canary-user', 'canary-password'), 'Bearer canary-token', 'Basic canary-garbage']
  for (const authorization of logins)
    for (const path of [manifest, blob, '/v2/docker.io/library/never/manifests/1'])
      for (const host of ['localhost', '127.0.0.1'])
        await send(url + path, { ca, headers: { authorization, host, cookie: 'canary-cookie' } })
  assert.ok(hub.requests.some(({ server }) => server === 'cdn'))
  const sent = JSON.stringify(hub.requests.map(({ path, headers, body }) => [path, headers, body]))
  const encoded = Buffer.from('canary-user').toString('base64').slice(0, 12)
  assert.doesNotMatch(sent, /canary-(?:user|password|token|garbage|cookie)/)
  assert.ok(!sent.includes(encoded))
  assert.deepEqual(hub.leaks(), [])
  assert.ok(sent.includes(basic('acme', 'canary-upstream')))
  await program.stop()
  const written = program.output() + program.log()
  assert.ok(written.includes('docker.io/library/alpine'))
  assert.doesNotMatch(written, /canary/)
  for (const secret of [encoded, basic('acme', 'canary-upstream').slice(6)])
    assert.ok(!written.includes(secret))
})

test('a credential helper logs in, and a private image can be pulled; none of its words are logged', async (t) => {
  const hub = await startHub(t, {
    images,
    accounts: { acme: 'canary-secret' },
    privateRepositories: ['acme/private'],
  })
  const program = await writeHelper(t)
  await program.answers({ username: 'acme', secret: 'canary-secret' })
  const exec = { helper: 'test', server: 'hub.example.com' }
  const gateway = await startGateway(t, {
    config: mirroring({ url: hub.url, visibility: 'shared', exec }),
    env: { PATH: `${program.folder}:${process.env['PATH']}` },
  })
  const path = '/v2/docker.io/acme/private/manifests/1'
  assert.equal((await send(gateway.url + path, { ca: gateway.ca })).status, 200)
  assert.deepEqual(await program.runs(), ['get hub.example.com'])
  assert.doesNotMatch(gateway.program.output(), /canary/)
})

test('metrics and the admin API tell how an upstream stands and what is left of its quota', async (t) => {
  const hub = await startHub(t, { images, pullLimit: 10 })
  const { url, ca, adminUrl } = await startGateway(t, { config: mirroring({ url: hub.url }) })
  await send(url + manifest, { ca })
  const account = { username: 'alice', password: 'alice-secret' }
  const standing = async () =>
    (await send(`${adminUrl}/api/upstreams`, { account })).json<{ upstreams: readonly object[] }>().upstreams
  const [told] = await standing()
  const seenAt = /"seenAt":"([^"]*)"/.exec(JSON.stringify(told))?.[1]
  assert.ok(Math.abs(Date.parse(seenAt ?? '') - Date.now()) < 60_000)
  const quota = { limit: 10, remaining: 9, windowSeconds: 21_600, seenAt }
  assert.deepEqual(told, {
    name: 'hub',
    endpoints: [{ url: `${hub.url}/`, isUp: true, quietUntil: null, quota }],
  })
  const text = (await send(`${adminUrl}/metrics`)).text()
  const labels = `{upstream="hub",url="${hub.url}/"}`
  assert.ok(text.includes(`dockgate_upstream_up${labels} 1`))
  assert.ok(text.includes(`dockgate_upstream_quota_remaining${labels} 9`))
  assert.ok(text.includes(`dockgate_upstream_quota_limit${labels} 10`))
  hub.fail({ path: '/manifests/' }, { kind: 'status', status: 429, retryAfter: 1000 })
  await send(`${url}/v2/docker.io/acme/private/manifests/1`, { ca })
  const quiet = /"quietUntil":"([^"]*)"/.exec(JSON.stringify(await standing()))?.[1]
  assert.ok(Date.parse(quiet ?? '') - Date.now() > 900_000)
})

test('how upstreams stand is for those who may administer', async (t) => {
  const hub = await startHub(t)
  const { adminUrl } = await startGateway(t, { config: mirroring({ url: hub.url }) })
  assert.equal((await send(`${adminUrl}/api/upstreams`)).status, 401)
  const account = { username: 'bob', password: 'bob-secret' }
  assert.equal((await send(`${adminUrl}/api/upstreams`, { account })).status, 403)
})

test('with workers, what one of them has heard of a quota is told', async (t) => {
  const hub = await startHub(t, { images, pullLimit: 10 })
  const { url, ca, adminUrl } = await startGateway(t, {
    config: { ...mirroring({ url: hub.url }), workers: 2 },
  })
  await send(url + manifest, { ca })
  const account = { username: 'alice', password: 'alice-secret' }
  const told = (await send(`${adminUrl}/api/upstreams`, { account })).text()
  assert.match(told, /"remaining":9/)
  assert.match((await send(`${adminUrl}/metrics`)).text(), /dockgate_upstream_quota_remaining\{[^}]*\} 9/)
})

test('the second URL serves while the first is down, and both changes are logged', async (t) => {
  const [first, second] = [await startHub(t, { images }), await startHub(t, { images })]
  const gateway = await startGateway(t, { config: mirroring({ url: [first.url, second.url] }) })
  await first.down()
  assert.equal((await send(gateway.url + manifest, { ca: gateway.ca })).status, 200)
  assert.equal((await send(gateway.url + blob, { ca: gateway.ca })).status, 200)
  await first.up()
  await until('both are logged', () => {
    const log = gateway.program.output()
    return log.includes('is not asked before it answers a probe') && log.includes('answers again')
  })
})
