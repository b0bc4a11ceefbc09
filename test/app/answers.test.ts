import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { before, test } from 'node:test'
import { digestOf } from '../../src/oci/digest.ts'
import { connectRaw, send, type RequestOptions, oneConnection } from '../support/http.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { describe, imageOf } from '../support/images.ts'
import { fileScope } from '../support/scope.ts'
import { until } from '../support/until.ts'

const scope = fileScope()
let gateway: RunningGateway
before(async () => {
  gateway = await startGateway(scope)
})

const alice = { account: { username: 'alice', password: 'alice-secret' } }
const bob = { account: { username: 'bob', password: 'bob-secret' } }
const ask = (path: string, options: RequestOptions = {}) =>
  send(gateway.url + path, { ca: gateway.ca, ...options })

interface ErrorBody {
  readonly errors: readonly { readonly code: string; readonly message: string }[]
}

async function failure(path: string, options: RequestOptions = {}): Promise<string> {
  const answer = await ask(path, options)
  assert.equal(answer.headers['docker-distribution-api-version'], 'registry/2.0')
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/)
  return `${answer.status} ${answer.json<ErrorBody>().errors[0]?.code}`
}

test('the base path challenges an anonymous client and welcomes one that logged in', async () => {
  const anonymous = await ask('/v2/')
  assert.equal(anonymous.status, 401)
  assert.equal(
    anonymous.headers['www-authenticate'],
    `Bearer realm="${gateway.url}/token",service="dockgate"`,
  )
  assert.equal((await ask('/v2/', bob)).status, 200)
})

test('every 401 names the scope, also for a client that never asked for /v2/', async () => {
  const pull = await ask('/v2/team-a/app/manifests/latest')
  assert.match(pull.headers['www-authenticate'] ?? '', /scope="repository:team-a\/app:pull"/)
  const push = await ask('/v2/team-a/app/blobs/uploads/', { method: 'POST' })
  assert.match(push.headers['www-authenticate'] ?? '', /scope="repository:team-a\/app:pull,push"/)
  const remove = await ask('/v2/team-a/app/manifests/latest', { method: 'DELETE' })
  assert.match(remove.headers['www-authenticate'] ?? '', /scope="repository:team-a\/app:delete"/)
})

test('a 401 for a credential that is not valid names the scope, too', async () => {
  const path = '/v2/team-a/app/manifests/latest'
  for (const bad of [{ account: { username: 'bob', password: 'wrong' } }, { token: 'not.a.token' }]) {
    const { status, headers } = await ask(path, bad)
    assert.equal(status, 401)
    assert.match(headers['www-authenticate'] ?? '', /scope="repository:team-a\/app:pull"/)
  }
})

test('who is logged in and lacks the grant is told 403, who gave a wrong password 401', async () => {
  assert.equal(await failure('/v2/team-a/app/blobs/uploads/', { method: 'POST', ...bob }), '403 DENIED')
  const wrong = { account: { username: 'bob', password: 'wrong' } }
  assert.equal(await failure('/v2/', wrong), '401 UNAUTHORIZED')
})

test('a token is a ceiling: one for pull does not push, though the account may', async () => {
  const { token } = (await ask('/token?scope=repository:team-a/app:pull', alice)).json<{ token: string }>()
  const push = await ask('/v2/team-a/app/blobs/uploads/', { method: 'POST', token })
  assert.equal(push.status, 401)
  assert.match(push.headers['www-authenticate'] ?? '', /error="insufficient_scope"/)
})

test('bad names, tags, digests, paths and methods are told apart, and never 500', async () => {
  assert.equal(await failure('/v2/Team/app/manifests/latest', bob), '400 NAME_INVALID')
  assert.equal(await failure('/v2/a%2fb/manifests/latest', bob), '400 NAME_INVALID')
  assert.equal(await failure(`/v2/${'a'.repeat(300)}/manifests/latest`, bob), '400 NAME_INVALID')
  assert.equal(await failure('/v2/a/manifests/.x', bob), '400 TAG_INVALID')
  assert.equal(await failure('/v2/a/manifests/sha256:zz', bob), '400 DIGEST_INVALID')
  assert.equal(await failure('/v2/a/unknown', bob), '404 UNSUPPORTED')
  assert.equal(await failure('/v2/a/manifests/latest', { method: 'PATCH', ...bob }), '405 UNSUPPORTED')
  assert.equal(await failure('/v2/a/manifests/latest?ns=evil.example.com', bob), '404 NAME_UNKNOWN')
  assert.equal(await failure('/v2/a/manifests/latest', bob), '404 MANIFEST_UNKNOWN')
  assert.equal(await failure('/v2/a/tags/list', bob), '404 NAME_UNKNOWN')
  assert.equal(await failure('/v2/_catalog?n=-1', bob), '400 PAGINATION_NUMBER_INVALID')
})

test('a 405 says what is allowed', async () => {
  const answer = await ask('/v2/a/tags/list', { method: 'DELETE', ...bob })
  assert.equal(answer.headers.allow, 'GET, HEAD')
})

test('a HEAD that fails has the status and no body', async () => {
  const answer = await ask('/v2/a/manifests/latest', { method: 'HEAD', ...bob })
  assert.equal(answer.status, 404)
  assert.equal(answer.body.length, 0)
})

test('a manifest over 4 MiB is 413, whether its length is told or not', async () => {
  const body = Buffer.alloc(4 * 1024 * 1024 + 1, 0x20)
  assert.equal(await failure('/v2/a/manifests/big', { method: 'PUT', body, ...alice }), '413 SIZE_INVALID')
  const chunked = Readable.from([body.subarray(0, 1024), body.subarray(1024)])
  assert.equal(
    await failure('/v2/a/manifests/big', { method: 'PUT', body: chunked, ...alice }),
    '413 SIZE_INVALID',
  )
})

test('a manifest whose blobs were never pushed, or that is no manifest, is refused', async () => {
  const { manifest } = imageOf({ seed: 'never pushed' })
  const put = (body: Buffer, type: string) =>
    failure('/v2/a/manifests/x', { method: 'PUT', body, headers: { 'content-type': type }, ...alice })
  assert.equal(await put(manifest.bytes, manifest.mediaType), '400 MANIFEST_BLOB_UNKNOWN')
  assert.equal(await put(Buffer.from('{'), manifest.mediaType), '400 MANIFEST_INVALID')
  assert.equal(await put(Buffer.from('{"schemaVersion":1}'), 'application/json'), '400 MANIFEST_INVALID')
  assert.equal(await put(manifest.bytes, 'text/plain'), '400 MANIFEST_INVALID')
})

test('headers that are too large get an answer in the API’s form', async () => {
  const raw = await connectRaw(gateway.url, { ca: gateway.ca })
  raw.write(`GET /v2/ HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(64 * 1024)}\r\n\r\n`)
  await raw.receive(/}\s*$/)
  assert.match(raw.received().toString(), /^HTTP\/1\.1 431 /)
  assert.match(raw.received().toString(), /"code":"UNSUPPORTED"/)
  raw.close()
})

test('a push that is refused is answered while the client still sends', async () => {
  const body = Buffer.alloc(512 * 1024)
  const path = '/v2/team-a/app/blobs/uploads/00000000-0000-0000-0000-000000000000'
  assert.equal(await failure(path, { method: 'PATCH', body }), '401 UNAUTHORIZED')
})

test('a client that waits with its body is told to go on only when it may', async () => {
  const credentials = Buffer.from('alice:alice-secret').toString('base64')
  const bytes = Buffer.from('hello')
  const head = (authorization: string) =>
    `POST /v2/team-a/app/blobs/uploads/?digest=${digestOf(bytes)} HTTP/1.1\r\nHost: x\r\n${authorization}` +
    'Content-Length: 5\r\nExpect: 100-continue\r\n\r\n'
  const refused = await connectRaw(gateway.url, { ca: gateway.ca })
  refused.write(head(''))
  await refused.receive(/}\s*$/)
  assert.match(refused.received().toString(), /^HTTP\/1\.1 401 /)
  refused.close()
  const allowed = await connectRaw(gateway.url, { ca: gateway.ca })
  allowed.write(head(`Authorization: Basic ${credentials}\r\n`))
  await allowed.receive(/^HTTP\/1\.1 100 Continue\r\n\r\n/)
  allowed.write('hello')
  await allowed.receive(/HTTP\/1\.1 201 Created\r\n/)
  allowed.close()
})

test('the blob of no bytes comes in one request, of either algorithm', async () => {
  for (const digest of [digestOf(''), digestOf('', 'sha512')]) {
    const path = '/v2/public/empty/blobs'
    const pushed = await ask(`${path}/uploads/?digest=${digest}`, { method: 'POST', ...alice })
    assert.equal(pushed.status, 201)
    const pulled = await ask(`${path}/${digest}`)
    assert.deepEqual([pulled.status, pulled.headers['content-length']], [200, '0'])
  }
})

test('a blob is answered whole, by one range, not at all when it is known, and 416 beyond its end', async () => {
  const bytes = Buffer.from('0123456789')
  const digest = digestOf(bytes)
  await ask(`/v2/public/ranges/blobs/uploads/?digest=${digest}`, { method: 'POST', body: bytes, ...alice })
  const blob = (headers: Record<string, string>, method = 'GET') =>
    ask(`/v2/public/ranges/blobs/${digest}`, { headers, method })
  // Anonymous Basic-less access needs a token: the request itself is allowed by the grant.
  assert.equal((await blob({})).text(), '0123456789')
  const part = await blob({ range: 'bytes=2-4' })
  assert.equal(part.status, 206)
  assert.equal(part.text(), '234')
  assert.equal(part.headers['content-range'], 'bytes 2-4/10')
  assert.equal((await blob({ range: 'bytes=-3' })).text(), '789')
  assert.equal((await blob({ range: 'bytes=8-100' })).text(), '89')
  const beyond = await blob({ range: 'bytes=10-' })
  assert.equal(beyond.status, 416)
  assert.equal(beyond.headers['content-range'], 'bytes */10')
  assert.equal(beyond.json<{ errors: { code: string }[] }>().errors[0]?.code, 'RANGE_INVALID')
  for (const method of ['GET', 'HEAD']) {
    assert.equal((await blob({ 'if-none-match': `"${digest}"` }, method)).status, 304)
    assert.equal((await blob({ 'if-none-match': '*' }, method)).status, 304)
    assert.equal((await blob({ 'if-none-match': '"other"' }, method)).status, 200)
  }
  assert.equal((await blob({ range: 'bytes=2-4', 'if-range': '"other"' })).status, 200)
})

test('an upload that was cut off goes on where it was acknowledged, and a wrong digest leaves nothing', async () => {
  const start = await ask('/v2/team-a/cut/blobs/uploads/', { method: 'POST', ...alice })
  assert.equal(start.status, 202)
  const { pathname } = new URL(start.headers.location ?? '')
  const patch = (from: number, text: string) =>
    ask(pathname, {
      method: 'PATCH',
      body: text,
      headers: { 'content-range': `${from}-${from + text.length - 1}` },
      ...alice,
    })
  assert.equal((await patch(0, 'hello ')).headers.range, '0-5')
  const early = await patch(0, 'hello ')
  assert.equal(early.status, 416)
  assert.equal(early.headers.range, '0-5')
  assert.equal(new URL(early.headers.location ?? '').pathname, pathname)
  assert.equal((await patch(6, 'world')).status, 202)
  const wrong = digestOf('something else')
  assert.equal(
    await failure(`${pathname}?digest=${wrong}`, { method: 'PUT', ...alice }),
    '400 DIGEST_INVALID',
  )
  assert.equal((await ask(`/v2/team-a/cut/blobs/${wrong}`, bob)).status, 404)
})

test('a mount takes only from where the caller may pull', async () => {
  const bytes = Buffer.from('shared layer')
  const digest = digestOf(bytes)
  await ask(`/v2/team-a/source/blobs/uploads/?digest=${digest}`, { method: 'POST', body: bytes, ...alice })
  const mount = (from: string, options: RequestOptions) =>
    ask(`/v2/team-a/target/blobs/uploads/?mount=${digest}&from=${from}`, { method: 'POST', ...options })
  const scoped = await ask('/token?scope=repository:team-a/target:pull,push', alice)
  const { token } = scoped.json<{ token: string }>()
  assert.equal((await mount('team-a/source', { token })).status, 202)
  assert.equal((await mount('Not/A/Name', { token })).status, 202)
  assert.equal((await mount('team-a/source', alice)).status, 201)
})

test('outside /v2/ there is the token service, a root that load balancers probe, and nothing else', async () => {
  assert.equal((await ask('/')).status, 200)
  assert.equal((await ask('/v2')).headers.location, '/v2/')
  assert.equal((await ask('/metrics')).status, 404)
  assert.equal((await ask('/healthz')).status, 404)
})

test('health and metrics are on the admin address', async () => {
  assert.equal((await send(`${gateway.adminUrl}/healthz`)).status, 200)
  const metrics = await send(`${gateway.adminUrl}/metrics`)
  assert.match(
    metrics.text(),
    /^dockgate_http_requests_total\{route="base",method="GET",status="401"\} \d+$/m,
  )
})

test('the log has one line for each request, with who and what, and no secret', async () => {
  await ask('/v2/team-a/logged/manifests/latest?secret=canary', {
    ...alice,
    headers: { 'user-agent': 'probe/1' },
  })
  const line = await until('the line is written', () =>
    gateway.log().find((each) => each['repository'] === 'team-a/logged'),
  )
  assert.equal(line.msg, 'request')
  assert.equal(line['user'], 'alice')
  assert.equal(line['action'], 'pull')
  assert.equal(line['status'], 404)
  assert.equal(line['code'], 'MANIFEST_UNKNOWN')
  const everything = gateway.program.log()
  assert.doesNotMatch(everything, /canary|alice-secret|YWxpY2U6/)
})

test('the log names the whole path of a token that is refused, without the query', async () => {
  const headers = { 'user-agent': 'probe/2' }
  const wrong = { account: { username: 'bob', password: 'wrong' }, headers }
  assert.equal((await ask('/token?service=dockgate', wrong)).status, 401)
  const line = await until('the line is written', () =>
    gateway.log().find((each) => each['userAgent'] === 'probe/2'),
  )
  assert.equal(line['path'], '/token')
})

test('a Host header that is no authority breaks nothing', async () => {
  const challenge = async (host: string) => {
    const raw = await connectRaw(gateway.url, { ca: gateway.ca })
    raw.write(`GET /v2/ HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
    await raw.closed
    return raw.received().toString()
  }
  assert.match(await challenge('a:99999'), /^HTTP\/1\.1 401 /)
  assert.match(await challenge('[:::]'), /realm="https:\/\/127\.0\.0\.1:\d+\/token"/)
  assert.match(await challenge('evil"; x="'), /realm="https:\/\/127\.0\.0\.1:\d+\/token"/)
})

test('one digest has one type: what an image is elsewhere is no index here', async () => {
  const put = (body: object, type: string) =>
    failure('/v2/a/manifests/x', {
      method: 'PUT',
      body: JSON.stringify({ schemaVersion: 2, ...body }),
      headers: { 'content-type': type },
      ...alice,
    })
  const { config, layers } = imageOf()
  const image = { config: describe(config), layers: layers.map(describe) }
  const index = 'application/vnd.oci.image.index.v1+json'
  assert.equal(await put(image, index), '400 MANIFEST_INVALID')
  assert.equal(await put({ ...image, manifests: [] }, index), '400 MANIFEST_INVALID')
  assert.equal(
    await put(image, 'application/vnd.docker.distribution.manifest.v2+json'),
    '400 MANIFEST_INVALID',
  )
})

test('a manifest that is nested without end is refused before it is parsed', async () => {
  const body = `{"schemaVersion":2,"manifests":[],"x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`
  const headers = { 'content-type': 'application/vnd.oci.image.index.v1+json' }
  assert.equal(
    await failure('/v2/a/manifests/x', { method: 'PUT', body, headers, ...alice }),
    '400 MANIFEST_INVALID',
  )
})

test('a Content-Range that promises more than is sent is refused', async () => {
  const start = await ask('/v2/team-a/lie/blobs/uploads/', { method: 'POST', ...alice })
  const { pathname } = new URL(start.headers.location ?? '')
  const headers = { 'content-range': '0-999999' }
  assert.equal(
    await failure(pathname, { method: 'PATCH', body: 'hello', headers, ...alice }),
    '400 SIZE_INVALID',
  )
})

test('a whole blob that was cut off leaves no session behind', async () => {
  const digest = digestOf('never sent')
  const raw = await connectRaw(gateway.url, { ca: gateway.ca })
  const credentials = Buffer.from('alice:alice-secret').toString('base64')
  raw.write(
    `POST /v2/team-a/half/blobs/uploads/?digest=${digest} HTTP/1.1\r\nHost: x\r\n` +
      `Authorization: Basic ${credentials}\r\nContent-Length: 10\r\n\r\nnever`,
  )
  const folder = join(gateway.folder, 'data/docker/registry/v2/repositories/team-a/half/_uploads')
  const sessions = () => readdir(folder).catch(() => [])
  await until('the session is there', async () => (await sessions()).length > 0)
  raw.close()
  await until('the session is gone', async () => (await sessions()).length === 0)
})

test('garbage behind a request is not answered into the middle of its answer', async () => {
  const bytes = Buffer.alloc(4 * 1024 * 1024, 'a')
  const digest = digestOf(bytes)
  await ask(`/v2/public/garbage/blobs/uploads/?digest=${digest}`, { method: 'POST', body: bytes, ...alice })
  const raw = await connectRaw(gateway.url, { ca: gateway.ca })
  // Both arrive at once: the parser stumbles while the blob is being opened.
  raw.write(`GET /v2/public/garbage/blobs/${digest} HTTP/1.1\r\nHost: x\r\n\r\ngarbage\r\n\r\n`)
  await raw.closed
  assert.equal(raw.received().includes('HTTP/1.1 400'), false)
})

test('manifests of any characters and any size are answered byte by byte, out of the store and out of memory', async (t) => {
  const agent = oneConnection(t)
  const mediaType = 'application/vnd.oci.image.index.v1+json'
  const annotations = (text: string) => ({
    schemaVersion: 2,
    mediaType,
    manifests: [],
    annotations: { text },
  })
  for (const text of ['grün, 緑, \u0000', 'ü'.repeat(20_000)]) {
    const body = Buffer.from(JSON.stringify(annotations(text)))
    const path = '/v2/team-a/characters/manifests/v1'
    const pushed = await ask(path, {
      ...alice,
      agent,
      method: 'PUT',
      body,
      headers: { 'Content-Type': mediaType },
    })
    assert.equal(pushed.status, 201)
    for (const expected of ['miss', 'hit', 'hit']) {
      const pulled = await ask(path, { ...alice, agent })
      assert.equal(pulled.headers['x-cache'], expected)
      assert.deepEqual(pulled.body, body)
    }
  }
})
