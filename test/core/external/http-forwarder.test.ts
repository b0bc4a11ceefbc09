import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { digestOf } from '../../../src/oci/digest.ts'
import { startDockerRegistry } from '../../support/docker-registry.ts'
import { connectRaw, open, send } from '../../support/http.ts'
import { seededBytes } from '../../support/seeded-bytes.ts'
import { until } from '../../support/until.ts'
import { startScriptedServer } from '../../upstream/scripted-server.ts'
import { PUBLIC_ORIGIN, startForwardingGateway, type ForwardingGateway } from './forwarding-gateway.ts'

const blob = seededBytes('a layer', 300_000)
const digest = digestOf(blob)

/** Where the gateway itself listens, for a Location that names the public origin. */
function local(gateway: ForwardingGateway, location: string | undefined): string {
  assert.match(location ?? '', /^https:\/\/registry\.example\.com:8443\/v2\//)
  return (location ?? '').replace(PUBLIC_ORIGIN, gateway.url)
}

async function startUpload(gateway: ForwardingGateway): Promise<string> {
  const started = await send(`${gateway.url}/v2/team/app/blobs/uploads/`, { method: 'POST' })
  assert.equal(started.status, 202)
  return local(gateway, started.headers.location)
}

async function push(gateway: ForwardingGateway): Promise<void> {
  const patched = await send(await startUpload(gateway), { method: 'PATCH', body: Readable.from([blob]) })
  assert.equal(patched.status, 202)
  const finish = `${local(gateway, patched.headers.location)}&digest=${digest}`
  assert.equal((await send(finish, { method: 'PUT' })).status, 201)
}

test('a chunked push passes through with its opaque _state, and the blob is read back', async (t) => {
  const core = await startDockerRegistry(t)
  const gateway = await startForwardingGateway(t, { url: core.url })
  await push(gateway)
  const answer = await send(`${gateway.url}/v2/team/app/blobs/${digest}`)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['docker-distribution-api-version'], 'registry/2.0')
  assert.equal(answer.headers['docker-content-digest'], digest)
  assert.deepEqual(answer.body, blob)
  const head = await send(`${gateway.url}/v2/team/app/blobs/${digest}`, { method: 'HEAD' })
  assert.equal(head.headers['content-length'], String(blob.length))
})

test('a core with relative Locations is seen the same way', async (t) => {
  const core = await startDockerRegistry(t, { relativeUrls: true })
  await push(await startForwardingGateway(t, { url: core.url }))
})

test('the repository in Location is the one that the client named', async (t) => {
  const core = await startDockerRegistry(t)
  const gateway = await startForwardingGateway(t, { url: core.url, publicName: 'mirror/app' })
  const started = await send(`${gateway.url}/v2/team/app/blobs/uploads/`, { method: 'POST' })
  assert.match(
    started.headers.location ?? '',
    /^https:\/\/registry\.example\.com:8443\/v2\/mirror\/app\/blobs\/uploads\//,
  )
})

test('a range is answered as a range, and one that can not be satisfied does not hang the client', async (t) => {
  const core = await startDockerRegistry(t)
  const gateway = await startForwardingGateway(t, { url: core.url })
  await push(gateway)
  const url = `${gateway.url}/v2/team/app/blobs/${digest}`
  const part = await send(url, { headers: { range: 'bytes=10-19' } })
  assert.equal(part.status, 206)
  assert.deepEqual(part.body, blob.subarray(10, 20))
  const beyond = await send(url, { headers: { range: 'bytes=999999-' } })
  assert.equal(beyond.status, 416)
  assert.equal(beyond.headers['content-range'], `bytes */${blob.length}`)
  assert.match(beyond.text(), /RANGE_INVALID/)
})

test('a client that waits with its body is told to send it, once', async (t) => {
  const core = await startDockerRegistry(t)
  const gateway = await startForwardingGateway(t, { url: core.url })
  const { pathname, search } = new URL(await startUpload(gateway))
  const client = await connectRaw(gateway.url)
  client.write(
    `PATCH ${pathname}${search} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
  )
  await client.receive(/^HTTP\/1\.1 100 Continue\r\n\r\n/)
  client.write('hello')
  const received = await client.receive(/HTTP\/1\.1 202 /)
  assert.equal(received.match(/100 Continue/g)?.length, 1)
  client.close()
})

test('a client that waits with its body hears of a core that is down instead', async (t) => {
  const core = await startScriptedServer(t, (_req, res) => res.end())
  const gateway = await startForwardingGateway(t, { url: core.url })
  await core.close()
  const client = await connectRaw(gateway.url)
  client.write(
    'PATCH /v2/a/blobs/uploads/id HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n',
  )
  assert.doesNotMatch(await client.receive(/HTTP\/1\.1 502 .*UNAVAILABLE/s), /100 Continue/)
  client.close()
})

test('a client that hangs up closes the connection to the core, while it pulls and while it pushes', async (t) => {
  const core = await startScriptedServer(t, (req, res) => {
    if (req.method === 'GET') res.writeHead(200, { 'content-length': '1000000' }).write('x')
    else req.resume()
  })
  const gateway = await startForwardingGateway(t, { url: core.url })
  const pull = await open(`${gateway.url}/v2/a/blobs/${digest}`)
  assert.equal(await core.connections(), 1)
  pull.destroy()
  await until('the pull is closed', async () => (await core.connections()) === 0)
  const client = await connectRaw(gateway.url)
  client.write('PATCH /v2/a/blobs/uploads/id HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nxx')
  await until('the push reaches the core', () => core.requests.length === 2)
  client.close()
  await until('the push is closed', async () => (await core.connections()) === 0)
})

test('a core is not read further while a client does not read, and further when it does', async (t) => {
  const [piece, pieces] = [Buffer.alloc(64 * 1024, 'x'), 2048]
  let sent = 0
  function* body() {
    for (; sent < pieces; sent += 1) yield piece
  }
  const core = await startScriptedServer(t, (_req, res) => {
    res.writeHead(200, { 'content-length': String(pieces * piece.length) })
    Readable.from(body()).pipe(res)
  })
  const gateway = await startForwardingGateway(t, { url: core.url })
  const pull = await open(`${gateway.url}/v2/a/blobs/${digest}`)
  let before = -1
  await until('the core has stopped', async () => {
    before = sent
    await pause(300)
    return sent === before
  })
  // What the buffers of four sockets hold is some MiB.
  assert.ok(sent > 0 && sent < pieces / 4, `${sent} pieces of ${pieces} were taken from the core`)
  let received = 0
  for await (const bytes of pull) received += (bytes as Buffer).length
  assert.equal(received, pieces * piece.length)
})

test('a core that dies in the middle of a body resets the client', async (t) => {
  const core = await startScriptedServer(t, (_req, res) => {
    res.writeHead(200, { 'content-length': '1000000' })
    res.write('the beginning', () => setImmediate(() => res.destroy()))
  })
  const gateway = await startForwardingGateway(t, { url: core.url })
  const client = await connectRaw(gateway.url)
  client.write(`GET /v2/a/blobs/${digest} HTTP/1.1\r\nHost: x\r\n\r\n`)
  await client.closed
  assert.match(client.received(), /the beginning$/)
})

test('nothing is smuggled to the core in the chunked body of a DELETE', async (t) => {
  const core = await startScriptedServer(t, (_req, res) => res.writeHead(204).end())
  const gateway = await startForwardingGateway(t, { url: core.url })
  const inner = 'GET /v2/secret/SMUGGLED HTTP/1.1\r\nHost: x\r\n\r\n'
  const client = await connectRaw(gateway.url)
  client.write(
    'DELETE /v2/a/blobs/uploads/id HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n' +
      `${inner.length.toString(16)}\r\n${inner}\r\n0\r\n\r\n`,
  )
  await client.receive(/HTTP\/1\.1 204 /)
  client.write(`GET /v2/a/blobs/${digest} HTTP/1.1\r\nHost: x\r\n\r\n`)
  await client.receive(/HTTP\/1\.1 204 .*HTTP\/1\.1 204 /s)
  assert.deepEqual(
    core.requests.map(({ method, target }) => `${method} ${target}`),
    ['DELETE /v2/a/blobs/uploads/id', `GET /v2/a/blobs/${digest}`],
  )
  assert.equal(core.requests[0]?.headers['content-length'], '0')
  client.close()
})

test('what the client sends of logins and proxies stays here; the core gets its own login', async (t) => {
  const core = await startScriptedServer(t, (_req, res) =>
    res.writeHead(200, { server: 'core', 'set-cookie': 'a=b' }).end(),
  )
  const login = {
    header: (scope: string) => Promise.resolve(`Basic ${Buffer.from(scope).toString('base64')}`),
    refused: () => assert.fail('nothing was refused'),
  }
  const gateway = await startForwardingGateway(t, { url: core.url, login })
  const { headers } = await send(`${gateway.url}/v2/a/blobs/${digest}`, {
    account: { username: 'canary', password: 'canary' },
    headers: {
      cookie: 'canary=1',
      'x-forwarded-for': '6.6.6.6',
      'x-forwarded-proto': ['http', 'https'],
      'x-forwarded-host': 'evil.example.com',
      forwarded: 'host=evil.example.com',
    },
  })
  const sent = core.requests[0]?.headers
  assert.equal(sent?.authorization, `Basic ${Buffer.from('repository:a:pull').toString('base64')}`)
  assert.equal(sent['x-forwarded-proto'], 'https')
  assert.equal(sent['x-forwarded-host'], 'registry.example.com:8443')
  assert.equal(sent.host, new URL(core.url).host)
  assert.doesNotMatch(JSON.stringify(sent), /canary|evil|6\.6\.6\.6/)
  assert.equal(headers.server, undefined)
  assert.equal(headers['set-cookie'], undefined)
})

test('a core that refuses our login is a broken gateway, not a challenge', async (t) => {
  const core = await startScriptedServer(t, (_req, res) =>
    res.writeHead(401, { 'www-authenticate': 'Basic realm="core"' }).end('{}'),
  )
  const gateway = await startForwardingGateway(t, { url: core.url })
  const answer = await send(`${gateway.url}/v2/a/blobs/${digest}`)
  assert.equal(answer.status, 502)
  assert.equal(answer.headers['www-authenticate'], undefined)
  assert.match(answer.text(), /UNAVAILABLE/)
})

test("a core's refusal keeps its code, and nothing of its address", async (t) => {
  const core = await startScriptedServer(t, (_req, res) =>
    res.writeHead(404).end('{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"on 127.0.0.1:5000"}]}'),
  )
  const gateway = await startForwardingGateway(t, { url: core.url })
  const answer = await send(`${gateway.url}/v2/a/blobs/uploads/id?_state=x`)
  assert.equal(answer.status, 404)
  assert.match(answer.text(), /BLOB_UPLOAD_INVALID/)
  assert.doesNotMatch(answer.text(), /127\.0\.0\.1/)
})

test('a refusal while the body is still coming reaches the client, and closes the connection to the core', async (t) => {
  const core = await startScriptedServer(t, (_req, res) => res.writeHead(413).end('<html>too large</html>'))
  const gateway = await startForwardingGateway(t, { url: core.url })
  const client = await connectRaw(gateway.url)
  client.write('PATCH /v2/a/blobs/uploads/id HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nxx')
  await client.receive(/HTTP\/1\.1 413 .*SIZE_INVALID/s)
  await until('the core is let go', async () => (await core.connections()) === 0)
  client.close()
})

test('a core that says nothing is given up', async (t) => {
  const core = await startScriptedServer(t, () => undefined)
  const gateway = await startForwardingGateway(t, { url: core.url, idleTimeoutMs: 50 })
  assert.equal((await send(`${gateway.url}/v2/a/blobs/${digest}`)).status, 504)
})

test("a redirect to where the core keeps its bytes is the client's to follow", async (t) => {
  const location = 'https://bucket.example.com/data?X-Signature=a%2Fb'
  const core = await startScriptedServer(t, (_req, res) => res.writeHead(307, { location }).end())
  const gateway = await startForwardingGateway(t, { url: core.url })
  const answer = await send(`${gateway.url}/v2/a/blobs/${digest}`)
  assert.equal(answer.status, 307)
  assert.equal(answer.headers.location, location)
})

test('a redirect is rewritten only where it leads to the core or to us', async (t) => {
  let location = ''
  const core = await startScriptedServer(t, (_req, res) => res.writeHead(307, { location }).end())
  const gateway = await startForwardingGateway(t, { url: core.url })
  const redirected = async (to: string): Promise<string | undefined> => {
    location = to
    return (await send(`${gateway.url}/v2/a/blobs/${digest}`)).headers.location
  }
  const ours = `${PUBLIC_ORIGIN}/v2/a/blobs/x`
  assert.equal(await redirected(`${core.url}/v2/a/blobs/x`), ours)
  assert.equal(await redirected(`//registry.example.com:8443/v2/a/blobs/x`), ours)
  const cdn = 'https://cdn.example.com/v2/a/blobs/x'
  assert.equal(await redirected(cdn), cdn)
})

test('an upload session is reached through us by whatever name the core knows itself', async (t) => {
  const location = 'http://core.internal:5000/v2/a/blobs/uploads/id?_state=x'
  const core = await startScriptedServer(t, (_req, res) => res.writeHead(202, { location }).end())
  const gateway = await startForwardingGateway(t, { url: core.url })
  const started = await send(`${gateway.url}/v2/a/blobs/uploads/`, { method: 'POST' })
  assert.equal(started.headers.location, `${PUBLIC_ORIGIN}/v2/a/blobs/uploads/id?_state=x`)
})

test('no browser runs what a core calls a page; the parts of a range keep their boundary', async (t) => {
  let type = 'text/html; charset=utf-8'
  const core = await startScriptedServer(t, (_req, res) =>
    res.writeHead(200, { 'content-type': type }).end('<script>alert(1)</script>'),
  )
  const gateway = await startForwardingGateway(t, { url: core.url })
  const { headers } = await send(`${gateway.url}/v2/a/blobs/${digest}`)
  assert.equal(headers['content-type'], 'application/octet-stream')
  assert.equal(headers['x-content-type-options'], 'nosniff')
  assert.match(String(headers['content-security-policy']), /^sandbox/)
  type = 'multipart/byteranges; boundary=b'
  assert.equal((await send(`${gateway.url}/v2/a/blobs/${digest}`)).headers['content-type'], type)
})

test('the query reaches the core byte for byte', async (t) => {
  const core = await startScriptedServer(t, (_req, res) => res.writeHead(204).end())
  const gateway = await startForwardingGateway(t, { url: `${core.url}/prefix/` })
  const client = await connectRaw(gateway.url)
  client.write("GET /v2/a/blobs/uploads/id?_state=a'b%2f==&x=~|&y HTTP/1.1\r\nHost: x\r\n\r\n")
  await client.receive(/ 204 /)
  assert.equal(core.requests[0]?.target, "/prefix/v2/a/blobs/uploads/id?_state=a'b%2f==&x=~|&y")
  client.close()
})

test("a rewritten route speaks of the core's own names, also in a mount, and answers with the client's", async (t) => {
  const location = '/v2/acme/app/blobs/uploads/id?_state=x'
  const core = await startScriptedServer(t, (_req, res) => res.writeHead(202, { location }).end())
  const gateway = await startForwardingGateway(t, {
    url: core.url,
    rewrite: { from: 'legacy/', to: 'acme/' },
  })
  const url = `${gateway.url}/v2/legacy/app/blobs/uploads/?mount=${digest}&from=legacy/base`
  const answer = await send(url, { method: 'POST' })
  assert.equal(answer.headers.location, `${PUBLIC_ORIGIN}/v2/legacy/app/blobs/uploads/id?_state=x`)
  const asked = new URL(core.requests[0]?.target ?? '', core.url)
  assert.equal(asked.pathname, '/v2/acme/app/blobs/uploads/')
  assert.equal(asked.searchParams.get('from'), 'acme/base')
})
