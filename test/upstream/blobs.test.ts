import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buffer } from 'node:stream/consumers'
import { digestOf } from '../../src/oci/digest.ts'
import { createUpstreamClient } from '../../src/upstream/create-upstream-client.ts'
import { UpstreamInvalidAnswerError, UpstreamUnavailableError } from '../../src/upstream/errors.ts'
import { sendFollowing } from '../../src/upstream/redirects.ts'
import { basic } from '../support/http.ts'
import { atEnd, type Scope } from '../support/scope.ts'
import { until } from '../support/until.ts'
import { repository } from './names.ts'
import { startScriptedServer } from './scripted-server.ts'

const alpine = repository('library/alpine')
const bytes = Buffer.from('the bytes of a blob')
const digest = digestOf(bytes)

function clientOf(t: Scope, url: string, idleTimeoutMs = 1_000) {
  const credentials = { username: 'acme', password: 'secret' }
  const client = createUpstreamClient({ url, credentials, idleTimeoutMs })
  atEnd(t, () => client.close())
  return client
}

test('a blob is fetched through a redirect, and the login stays behind', async (t) => {
  const cdn = await startScriptedServer(t, (_req, res) => res.end(bytes))
  const registry = await startScriptedServer(t, (req, res) => {
    if (req.headers.authorization === basic('acme', 'secret'))
      res.writeHead(307, { location: `${cdn.url}/signed?key=1` }).end()
    else res.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
  })
  const blob = await clientOf(t, registry.url).openBlob(alpine, digest)
  assert.equal(blob.size, bytes.length)
  assert.deepEqual(await buffer(blob.body), bytes)
  assert.deepEqual(
    cdn.requests.map(({ target, authorization }) => ({ target, authorization })),
    [{ target: '/signed?key=1', authorization: undefined }],
  )
})

test('a range is asked for, and cut out where the upstream ignores it', async (t) => {
  let honours = true
  const registry = await startScriptedServer(t, (_req, res) => {
    if (honours)
      res.writeHead(206, { 'content-range': `bytes 4-8/${bytes.length}` }).end(bytes.subarray(4, 9))
    else res.end(bytes)
  })
  const client = clientOf(t, registry.url)
  const range = { start: 4, end: 8 }
  const ranged = await client.openBlob(alpine, digest, { range })
  assert.equal(ranged.size, bytes.length)
  assert.equal((await buffer(ranged.body)).toString(), 'bytes')
  honours = false
  const cut = await client.openBlob(alpine, digest, { range })
  assert.equal(cut.size, bytes.length)
  assert.equal((await buffer(cut.body)).toString(), 'bytes')
  assert.equal(registry.requests[0]?.headers.range, 'bytes=4-8')
})

test('another range than the one asked for is refused', async (t) => {
  const registry = await startScriptedServer(t, (_req, res) =>
    res.writeHead(206, { 'content-range': `bytes 0-4/${bytes.length}` }).end(bytes.subarray(0, 5)),
  )
  const opened = clientOf(t, registry.url).openBlob(alpine, digest, { range: { start: 4, end: 8 } })
  await assert.rejects(opened, UpstreamInvalidAnswerError)
})

test('a compressed blob and one without a length are refused', async (t) => {
  let headers: Record<string, string> = { 'content-encoding': 'gzip' }
  const registry = await startScriptedServer(t, (_req, res) => res.writeHead(200, headers).end(bytes))
  const client = clientOf(t, registry.url)
  await assert.rejects(client.openBlob(alpine, digest), UpstreamInvalidAnswerError)
  headers = { 'transfer-encoding': 'chunked' }
  await assert.rejects(client.openBlob(alpine, digest), UpstreamInvalidAnswerError)
})

test('a blob of a size that no registry takes is refused', async (t) => {
  const size = 2 ** 40 + 1
  const registry = await startScriptedServer(t, (req, res) => {
    if (req.headers.range === undefined) res.writeHead(200, { 'content-length': size }).flushHeaders()
    else res.writeHead(206, { 'content-range': `bytes 0-4/${size}` }).end(bytes.subarray(0, 5))
  })
  const client = clientOf(t, registry.url)
  await assert.rejects(client.statBlob(alpine, digest), UpstreamInvalidAnswerError)
  await assert.rejects(client.openBlob(alpine, digest), UpstreamInvalidAnswerError)
  const ranged = client.openBlob(alpine, digest, { range: { start: 0, end: 4 } })
  await assert.rejects(ranged, UpstreamInvalidAnswerError)
})

test('a body that breaks off fails the stream', async (t) => {
  const registry = await startScriptedServer(t, (_req, res) => {
    res.writeHead(200, { 'content-length': String(bytes.length) })
    res.write(bytes.subarray(0, 5), () => res.destroy())
  })
  const blob = await clientOf(t, registry.url).openBlob(alpine, digest)
  await assert.rejects(buffer(blob.body))
})

test('a reader that leaves closes the connection to the upstream', async (t) => {
  const registry = await startScriptedServer(t, (_req, res) => {
    res.writeHead(200, { 'content-length': '1000000' }).write(bytes)
  })
  const blob = await clientOf(t, registry.url).openBlob(alpine, digest)
  assert.equal(await registry.connections(), 1)
  blob.body.destroy()
  await until('the connection is closed', async () => (await registry.connections()) === 0)
})

test('a refusal by the CDN is no word of the registry', async (t) => {
  const cdn = await startScriptedServer(t, (_req, res) => res.writeHead(403).end())
  const registry = await startScriptedServer(t, (_req, res) =>
    res.writeHead(307, { location: `${cdn.url}/expired` }).end(),
  )
  await assert.rejects(clientOf(t, registry.url).openBlob(alpine, digest), UpstreamUnavailableError)
})

test('a redirect loop ends', async (t) => {
  const registry = await startScriptedServer(t, (_req, res, { pathname }) =>
    res.writeHead(307, { location: pathname }).end(),
  )
  await assert.rejects(clientOf(t, registry.url).openBlob(alpine, digest), UpstreamInvalidAnswerError)
  assert.equal(registry.requests.length, 6)
})

test('no redirect leads to a file, or from https to http', async () => {
  const follow = (location: string) =>
    sendFollowing(
      async ({ url }) => ({
        url,
        status: 307,
        header: (name) => (name === 'location' ? location : undefined),
        body: new (await import('node:stream')).PassThrough(),
        discard: async () => undefined,
      }),
      { method: 'GET', url: new URL('https://registry.example.com/v2/'), headers: {} },
    )
  await assert.rejects(follow('file:///etc/passwd'), /not http or https/)
  await assert.rejects(follow('http://registry.example.com/'), /from https to http/)
})
