// The Hub stand-in has to be good enough for real clients, or what is tested against it proves nothing.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { digestOf } from '../../src/oci/digest.ts'
import { DOCKER_MANIFEST, DOCKER_MANIFEST_LIST, OCI_INDEX, OCI_MANIFEST } from '../../src/oci/media-type.ts'
import { makeCertificate } from './certificates.ts'
import { startDockerRegistry } from './docker-registry.ts'
import { send, type Answer, type RequestOptions } from './http.ts'
import { startHub, type Hub } from './hub.ts'
import { imageOf, multiArch } from './images.ts'
import { readLayout, writeLargeLayout } from './oci-layout.ts'
import { temporaryFolder } from './scope.ts'
import { copyImage, skopeoFor } from './skopeo.ts'
import { until } from './until.ts'

const ANY_TYPE = { Accept: [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_MANIFEST_LIST].join(', ') }
const alpine = imageOf({ seed: 'alpine', layers: 2 })
const redis = multiArch({ seed: 'redis' })
const old = imageOf({ seed: 'old', docker: true })
const images = { 'library/alpine:3.20': alpine, 'library/redis:7': redis, 'library/old:1': old }

test('skopeo copies an image: token, manifest, blobs from the CDN, and no login leaks there', async (t) => {
  const hub = await startHub(t, { images })
  const [skopeo, folder] = [await skopeoFor(t), await temporaryFolder(t)]
  await copyImage(
    skopeo,
    { image: `docker://${hub.host}/library/alpine:3.20` },
    { image: `oci:${folder}:it` },
  )
  assert.equal((await readLayout(folder))['it']?.digest, alpine.manifest.digest)
  assert.deepEqual(
    hub.received({ server: 'cdn' }).map(({ status }) => status),
    [200, 200, 200],
  )
  assert.ok(hub.received({ server: 'token', path: 'scope=repository' }).length > 0)
  assert.deepEqual(hub.leaks(), [])
})

test('skopeo copies a multi-architecture image and a Docker-typed one over TLS with an account', async (t) => {
  const tls = await makeCertificate(t)
  const hub = await startHub(t, {
    images,
    tls,
    accounts: { alice: 'pw:1' },
    privateRepositories: ['library/old'],
  })
  const [skopeo, folder] = [await skopeoFor(t), await temporaryFolder(t)]
  const from = (image: string) => ({
    image: `docker://${hub.host}/library/${image}`,
    credentials: 'alice:pw:1',
    caFolder: tls.caFolder,
  })
  await copyImage(skopeo, from('redis:7'), { image: `oci:${folder}:redis` })
  await copyImage(skopeo, from('old:1'), { image: `dir:${join(folder, 'old')}` })
  assert.equal((await readLayout(folder))['redis']?.digest, redis.manifest.digest)
  assert.deepEqual(hub.leaks(), [])
})

test('registry:2 as a mirror pulls through it', async (t) => {
  const hub = await startHub(t, { images })
  const mirror = await startDockerRegistry(t, { proxyRemoteUrl: hub.url })
  const [skopeo, folder] = [await skopeoFor(t), await temporaryFolder(t)]
  await copyImage(skopeo, { image: `docker://${mirror.host}/library/redis:7` }, { image: `oci:${folder}:it` })
  assert.equal((await readLayout(folder))['it']?.digest, redis.manifest.digest)
  assert.deepEqual(hub.leaks(), [])
})

test('a request without a token is challenged with the realm and the scope it needs', async (t) => {
  const hub = await startHub(t, { images })
  const answer = await send(`${hub.url}/v2/library/alpine/manifests/3.20`)
  const scope = 'repository:library/alpine:pull'
  assert.equal(answer.status, 401)
  assert.equal(
    answer.headers['www-authenticate'],
    `Bearer realm="${hub.tokenUrl}",service="registry.docker.io",scope="${scope}"`,
  )
})

test('a token is good for its repository alone, and until it expires', async (t) => {
  const hub = await startHub(t, { images })
  const token = await tokenFor(hub, 'library/alpine')
  const status = async (path: string) =>
    (await send(`${hub.url}${path}`, { token, headers: ANY_TYPE })).status
  assert.equal(await status('/v2/library/alpine/manifests/3.20'), 200)
  assert.equal(await status('/v2/library/redis/manifests/7'), 401)
  hub.expireTokens()
  assert.equal(await status('/v2/library/alpine/manifests/3.20'), 401)
})

test('a private repository needs an account, and a wrong password is refused', async (t) => {
  const accounts = { alice: 'right' }
  const hub = await startHub(t, { images, accounts, privateRepositories: ['library/old'] })
  const account = (password: string) => ({ account: { username: 'alice', password } })
  assert.equal((await pull(hub, 'library/old', '1')).status, 401)
  assert.equal((await pull(hub, 'library/old', '1', account('right'))).status, 200)
  const refused = await send(`${hub.tokenUrl}?scope=repository:library/old:pull`, account('wrong'))
  assert.equal(refused.status, 401)
})

test('past the limit GETs of manifests are answered 429 with the reason; HEADs neither count nor fail', async (t) => {
  const hub = await startHub(t, { images, pullLimit: 1 })
  const head = await pull(hub, 'library/alpine', '3.20', { method: 'HEAD' })
  assert.equal(head.headers['ratelimit-remaining'], '1;w=21600')
  assert.equal(head.headers['docker-content-digest'], alpine.manifest.digest)
  const first = await pull(hub, 'library/alpine', '3.20')
  assert.equal(first.headers['ratelimit-remaining'], '0;w=21600')
  const second = await pull(hub, 'library/alpine', '3.20')
  assert.equal(second.status, 429)
  assert.match(second.text(), /TOOMANYREQUESTS.*You have reached your pull rate limit/)
  assert.equal((await pull(hub, 'library/alpine', '3.20', { method: 'HEAD' })).status, 200)
})

test('an OCI manifest is not found by a client that does not name its type', async (t) => {
  const hub = await startHub(t, { images })
  const answer = await pull(hub, 'library/redis', '7', { headers: { Accept: DOCKER_MANIFEST } })
  assert.equal(answer.status, 404)
  assert.match(answer.text(), /OCI index found, but accept header/)
})

test('the CDN refuses a login, and the leak is on record', async (t) => {
  const hub = await startHub(t, { images })
  const address = await blobAddress(hub)
  assert.notEqual(new URL(address).origin, new URL(hub.url).origin)
  assert.equal((await send(address, { token: 'anything' })).status, 400)
  assert.equal(hub.leaks().length, 1)
})

test('the CDN serves ranges, and nothing without its signature', async (t) => {
  const hub = await startHub(t, { images })
  const address = await blobAddress(hub)
  const part = await send(address, { headers: { Range: 'bytes=2-5' } })
  assert.equal(part.status, 206)
  assert.deepEqual(part.body, alpine.config.bytes.subarray(2, 6))
  assert.equal((await send(address.replace(/verify=.*/, 'verify=x'))).status, 403)
})

test('tags are listed in pages', async (t) => {
  const hub = await startHub(t, { images: { 'a/b:1': alpine, 'a/b:2': alpine, 'a/b:3': alpine } })
  const token = await tokenFor(hub, 'a/b')
  const page = await send(`${hub.url}/v2/a/b/tags/list?n=2`, { token })
  assert.deepEqual(page.json(), { name: 'a/b', tags: ['1', '2'] })
  assert.equal(page.headers.link, '</v2/a/b/tags/list?last=2&n=2>; rel="next"')
})

test('a moved tag names another manifest', async (t) => {
  const hub = await startHub(t, { images: { 'a/b:1': alpine, 'a/b:2': old } })
  hub.moveTag('a/b', '1', old.manifest.digest)
  assert.equal((await pull(hub, 'a/b', '1')).headers['docker-content-digest'], old.manifest.digest)
})

test('while it is down connections are refused, afterwards it answers on the same port', async (t) => {
  const hub = await startHub(t, { images })
  await hub.down()
  await assert.rejects(pull(hub, 'library/alpine', '3.20'), { code: 'ECONNREFUSED' })
  await hub.up()
  assert.equal((await pull(hub, 'library/alpine', '3.20')).status, 200)
})

test('a layer of an OCI layout is streamed from disk', async (t) => {
  const folder = await temporaryFolder(t)
  const { layer } = await writeLargeLayout(folder, { bytes: 3_000_000 })
  const hub = await startHub(t, { layouts: { 'library/large': folder } })
  const { body } = await send(await blobAddress(hub, 'library/large', layer.digest))
  assert.equal(digestOf(body), layer.digest)
  assert.equal(hub.received({ server: 'cdn' })[0]?.bytesSent, layer.size)
})

test('a status fault strikes as often as it was told to', async (t) => {
  const hub = await startHub(t, { images })
  hub.fail({ path: 'manifests/3.20' }, { kind: 'status', status: 503, retryAfter: 7 }, { times: 1 })
  const struck = await pull(hub, 'library/alpine', '3.20')
  assert.equal(struck.status, 503)
  assert.equal(struck.headers['retry-after'], '7')
  assert.equal((await pull(hub, 'library/alpine', '3.20')).status, 200)
})

test('a request that hangs goes on when the fault is removed', async (t) => {
  const hub = await startHub(t, { images })
  const fault = hub.fail({ server: 'cdn' }, { kind: 'hang' })
  const answer = send(await blobAddress(hub))
  await until('the request hangs', () => fault.hits === 1)
  fault.remove()
  assert.deepEqual((await answer).body, alpine.config.bytes)
})

test('a body can hang, break off, be cut short, be wrong or have the wrong length', async (t) => {
  const hub = await startHub(t, { images })
  const address = await blobAddress(hub)
  const { bytes } = alpine.config

  const hang = hub.fail({ server: 'cdn' }, { kind: 'hang', afterBytes: 10 }, { times: 1 })
  const hanging = send(address)
  await until('ten bytes are sent', () => hub.received({ server: 'cdn' }).at(-1)?.bytesSent === 10)
  hang.remove()
  assert.deepEqual((await hanging).body, bytes)

  hub.fail({ server: 'cdn' }, { kind: 'reset', afterBytes: 10 }, { times: 1 })
  await assert.rejects(send(address), { code: 'ECONNRESET' })
  hub.fail({ server: 'cdn' }, { kind: 'truncate', afterBytes: 10 }, { times: 1 })
  await assert.rejects(send(address), { code: 'ECONNRESET' })
  assert.equal(hub.received({ server: 'cdn' }).at(-1)?.outcome, 'broken')

  hub.fail({ server: 'cdn' }, { kind: 'wrong-bytes' }, { times: 1 })
  const wrong = await send(address)
  assert.equal(wrong.body.length, bytes.length)
  assert.notDeepEqual(wrong.body, bytes)
  hub.fail({ server: 'cdn' }, { kind: 'wrong-length', by: -3 }, { times: 1 })
  assert.deepEqual((await send(address)).body, bytes.subarray(0, -3))
  hub.fail({ server: 'cdn' }, { kind: 'wrong-length', by: 3 }, { times: 1 })
  assert.deepEqual((await send(address)).body, Buffer.concat([bytes, Buffer.alloc(3)]))
})

test('a client that goes away shows in the record', async (t) => {
  const hub = await startHub(t, { images })
  const address = await blobAddress(hub)
  hub.fail({ server: 'cdn' }, { kind: 'slow', bytesPerSecond: 100 })
  const leaving = new AbortController()
  const answer = send(address, { signal: leaving.signal })
  await until('bytes are on their way', () => (hub.received({ server: 'cdn' })[0]?.bytesSent ?? 0) > 0)
  leaving.abort()
  await assert.rejects(answer)
  await until('the abort is on record', () => hub.received({ server: 'cdn' })[0]?.outcome === 'aborted')
})

test('a redirect and headers can be changed', async (t) => {
  const hub = await startHub(t, { images })
  hub.fail({ path: '/blobs/' }, { kind: 'redirect', to: 'http://127.0.0.1:1/elsewhere' }, { times: 1 })
  assert.equal(await blobAddress(hub), 'http://127.0.0.1:1/elsewhere')
  hub.fail({ path: '/manifests/' }, { kind: 'headers', set: { 'docker-content-digest': undefined } })
  const { status, headers } = await pull(hub, 'library/alpine', '3.20', { method: 'HEAD' })
  assert.deepEqual([status, headers['docker-content-digest']], [200, undefined])
})

test('a redirect can lead in a circle', async (t) => {
  const hub = await startHub(t, { images })
  hub.fail({ path: '/manifests/' }, { kind: 'redirect-loop' })
  const { status, headers } = await pull(hub, 'library/alpine', '3.20')
  assert.deepEqual([status, headers.location], [307, '/v2/library/alpine/manifests/3.20'])
})

test('a body can come without its length, longer than due, or compressed', async (t) => {
  const hub = await startHub(t, { images })
  const { bytes } = alpine.manifest
  hub.fail({ path: '/manifests/' }, { kind: 'unannounced', extraBytes: 100_000 }, { times: 1 })
  const huge = await pull(hub, 'library/alpine', '3.20')
  assert.equal(huge.headers['content-length'], undefined)
  assert.deepEqual(huge.body, Buffer.concat([bytes, Buffer.alloc(100_000, ' ')]))
  hub.fail({ path: '/manifests/' }, { kind: 'compressed' }, { times: 1 })
  const compressed = await pull(hub, 'library/alpine', '3.20')
  assert.equal(compressed.headers['content-encoding'], 'gzip')
  assert.deepEqual(gunzipSync(compressed.body), bytes)
})

test('a tag can move between two requests', async (t) => {
  const hub = await startHub(t, { images: { ...images, 'library/alpine:next': old } })
  const action = () => hub.moveTag('library/alpine', '3.20', old.manifest.digest)
  hub.fail({ method: 'HEAD', path: '/manifests/' }, { kind: 'meanwhile', action }, { times: 1 })
  const before = await pull(hub, 'library/alpine', '3.20', { method: 'HEAD' })
  assert.equal(before.headers['docker-content-digest'], alpine.manifest.digest)
  assert.equal(digestOf((await pull(hub, 'library/alpine', '3.20')).body), old.manifest.digest)
})

test('a blob can be missing that a manifest names', async (t) => {
  const hub = await startHub(t, { images })
  hub.deleteBlob('library/alpine', alpine.config.digest)
  const token = await tokenFor(hub, 'library/alpine')
  const answer = await send(`${hub.url}/v2/library/alpine/blobs/${alpine.config.digest}`, { token })
  assert.equal(answer.status, 404)
})

async function tokenFor(hub: Hub, repository: string, options: RequestOptions = {}): Promise<string> {
  const account = options.account ? { account: options.account } : {}
  const answer = await send(
    `${hub.tokenUrl}?service=registry.docker.io&scope=repository:${repository}:pull`,
    account,
  )
  return answer.json<{ token: string }>().token
}

async function pull(
  hub: Hub,
  repository: string,
  reference: string,
  options: RequestOptions = {},
): Promise<Answer> {
  const token = await tokenFor(hub, repository, options)
  const { method = 'GET', headers = ANY_TYPE } = options
  return send(`${hub.url}/v2/${repository}/manifests/${reference}`, { method, headers, token })
}

async function blobAddress(
  hub: Hub,
  repository = 'library/alpine',
  digest = alpine.config.digest,
): Promise<string> {
  const token = await tokenFor(hub, repository)
  const { status, headers } = await send(`${hub.url}/v2/${repository}/blobs/${digest}`, { token })
  assert.equal(status, 307)
  return String(headers.location)
}
