import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createUpstreamClient } from '../../src/upstream/create-upstream-client.ts'
import { UpstreamNotFoundError, UpstreamUnavailableError } from '../../src/upstream/errors.ts'
import { basic } from '../support/http.ts'
import { startHub, type Hub } from '../support/hub.ts'
import { imageOf } from '../support/images.ts'
import { atEnd, type Scope } from '../support/scope.ts'
import { until } from '../support/until.ts'
import { reference, repository } from './names.ts'
import { manifestBytes, startScriptedServer } from './scripted-server.ts'

const images = { 'library/alpine:latest': imageOf({ seed: 'fail-over' }) }
const alpine = repository('library/alpine')
const latest = reference('latest')

async function startTwo(t: Scope) {
  const [first, second] = [await startHub(t, { images }), await startHub(t, { images })]
  const changes: string[] = []
  const client = createUpstreamClient({
    url: first.url,
    fallbackUrls: [second.url],
    headersTimeoutMs: 300,
    onChange: ({ address, isDown }) => changes.push(`${address} ${isDown ? 'down' : 'up'}`),
  })
  atEnd(t, () => client.close())
  const pull = () => client.getManifest(alpine, latest)
  return { first, second, client, pull, changes }
}

function pulls(hub: Hub): number {
  return hub.received({ server: 'registry', path: '/manifests/' }).length
}

test('while the first URL is well it alone is asked', async (t) => {
  const { second, pull } = await startTwo(t)
  await pull()
  await pull()
  assert.equal(second.requests.length, 0)
})

test('a URL that refuses connections is passed over at once, and asked first again when it is back', async (t) => {
  const { first, second, client, pull, changes } = await startTwo(t)
  await first.down()
  await pull()
  await pull()
  assert.deepEqual(
    client.endpoints().map(({ isDown }) => isDown),
    [true, false],
  )
  await first.up()
  await until('the first one is found to be back', () => changes.length === 2)
  assert.deepEqual(changes, [`${first.url}/ down`, `${first.url}/ up`])
  const before = pulls(second)
  await pull()
  assert.equal(pulls(second), before)
})

test('a URL that hangs is waited for once', async (t) => {
  const { first, pull } = await startTwo(t)
  const hang = first.fail({}, { kind: 'hang' })
  await pull()
  await pull()
  await pull()
  assert.equal(first.received({ path: '/manifests/' }).length, 1)
  hang.remove()
})

test('a 429 is answered by the next URL, and nobody is given up for it', async (t) => {
  const { first, client, pull } = await startTwo(t)
  first.limitPulls(0)
  await pull()
  assert.equal(client.endpoints()[0]?.isDown, false)
})

test('what the first URL does not have is not looked for elsewhere', async (t) => {
  const { first, second, pull } = await startTwo(t)
  first.deleteTag('library/alpine', 'latest')
  await assert.rejects(pull(), UpstreamNotFoundError)
  assert.equal(second.requests.length, 0)
})

test('when every URL fails the client hears of the first', async (t) => {
  const { first, second, pull } = await startTwo(t)
  first.fail({ path: '/manifests/' }, { kind: 'status', status: 500, message: 'the first' }, { times: 1 })
  await second.down()
  await assert.rejects(pull(), { code: 'UPSTREAM_UNAVAILABLE', message: /the first/ })
  await pull()
})

test('the login goes to no URL on another domain, unless it is listed', async (t) => {
  const first = await startHub(t, { images })
  await first.down()
  const second = await startScriptedServer(t, (req, res) => {
    if (req.headers.authorization === undefined) res.writeHead(401, { 'www-authenticate': 'Basic' }).end()
    else res.end(manifestBytes())
  })
  const client = (allowedRealms: string[]) => {
    const created = createUpstreamClient({
      url: first.url,
      fallbackUrls: [second.url.replace('127.0.0.1', 'localhost')],
      credentials: { username: 'acme', password: 'secret' },
      allowedRealms,
    })
    atEnd(t, () => created.close())
    return created
  }
  await assert.rejects(client([]).getManifest(alpine, latest))
  assert.deepEqual(
    second.requests.map(({ authorization }) => authorization),
    [undefined],
  )
  await client(['localhost']).getManifest(alpine, latest)
  assert.equal(second.requests.at(-1)?.authorization, basic('acme', 'secret'))
})

test('an upstream that hangs is soon asked no more, and again once it answers', async (t) => {
  const hub = await startHub(t, { images })
  const client = createUpstreamClient({ url: hub.url, headersTimeoutMs: 100 })
  atEnd(t, () => client.close())
  const hang = hub.fail({}, { kind: 'hang' })
  await assert.rejects(client.getManifest(alpine, latest), { timedOut: true })
  assert.equal(client.endpoints()[0]?.isDown, false)
  await assert.rejects(client.getManifest(alpine, latest), { timedOut: true })
  await assert.rejects(client.getManifest(alpine, latest), /is not asked now/)
  assert.equal(hub.received({ path: '/manifests/' }).length, 2)
  hang.remove()
  await until('it is found to be back', () => client.endpoints()[0]?.isDown === false)
  await client.getManifest(alpine, latest)
})

test('single failures between successes never keep an upstream from being asked', async (t) => {
  const hub = await startHub(t, { images })
  const client = createUpstreamClient({ url: hub.url })
  atEnd(t, () => client.close())
  for (let round = 0; round < 10; round++) {
    hub.fail({ path: '/manifests/' }, { kind: 'status', status: 503 }, { times: 1 })
    await assert.rejects(client.getManifest(alpine, latest), UpstreamUnavailableError)
    await client.getManifest(alpine, latest)
  }
})
