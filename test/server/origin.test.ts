import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type OutgoingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { OriginResolver, type Origin, type OriginOptions } from '../../src/server/origin.ts'
import { connectRaw } from '../support/http.ts'
import { atEnd } from '../support/scope.ts'

interface Asking {
  /** The client's address; 127.0.0.1. */
  readonly from?: string
  /** The server's; 127.0.0.1. */
  readonly to?: string
  readonly headers?: OutgoingHttpHeaders
  readonly isTls?: boolean
}

const PROXY = '127.0.0.2'

/** A server that answers what it finds out about each request. */
async function start(t: TestContext, options: Partial<OriginOptions> = {}) {
  const origins = new OriginResolver({ publicUrl: undefined, trustedProxies: [], ...options })
  const server = createServer((req, res) =>
    res.end(JSON.stringify(origins.of(req, req.url === '/tls'))),
  ).listen(0, '::')
  await once(server, 'listening')
  atEnd(t, () => void server.close())
  const { port } = server.address() as AddressInfo
  const ask = async ({ from = '127.0.0.1', to = '127.0.0.1', headers = {}, isTls }: Asking = {}) => {
    const path = isTls ? '/tls' : '/'
    const sent = request({ host: to, port, localAddress: from, path, headers, agent: false }).end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    return JSON.parse(await text(response)) as Origin
  }
  return { ask, port, originOf: async (asking: Asking) => (await ask(asking)).origin }
}

test('without proxies, the request itself tells its origin and client', async (t) => {
  const { ask, port } = await start(t)
  assert.deepEqual(await ask(), { origin: `http://127.0.0.1:${port}`, clientAddress: '127.0.0.1' })
  assert.deepEqual(await ask({ headers: { host: 'R.example:5000' }, isTls: true }), {
    origin: 'https://R.example:5000',
    clientAddress: '127.0.0.1',
  })
})

test('a public URL stands above whatever the request says', async (t) => {
  const publicUrl = 'https://registry.example.com'
  const { originOf } = await start(t, { publicUrl, trustedProxies: [PROXY] })
  const headers = { host: 'a', 'x-forwarded-host': 'b', 'x-forwarded-proto': 'http' }
  assert.equal(await originOf({ from: PROXY, headers }), publicUrl)
})

const FORWARDED = {
  host: 'inside:8080',
  'x-forwarded-host': 'r.example',
  'x-forwarded-proto': 'https',
  'x-forwarded-for': '192.0.2.7',
}

test('X-Forwarded-* is believed from trusted proxies alone', async (t) => {
  const { ask } = await start(t, { trustedProxies: [PROXY] })
  assert.deepEqual(await ask({ from: PROXY, headers: FORWARDED }), {
    origin: 'https://r.example',
    clientAddress: '192.0.2.7',
  })
  assert.deepEqual(await ask({ from: '127.0.0.3', headers: FORWARDED }), {
    origin: 'http://inside:8080',
    clientAddress: '127.0.0.3',
  })
})

test('a trusted proxy is named by its address or by a range', async (t) => {
  const { originOf } = await start(t, { trustedProxies: ['127.0.0.8/30', '2001:db8::/32'] })
  const from = (address: string) => originOf({ from: address, headers: FORWARDED })
  assert.equal(await from('127.0.0.7'), 'http://inside:8080')
  assert.equal(await from('127.0.0.8'), 'https://r.example')
  assert.equal(await from('127.0.0.11'), 'https://r.example')
  assert.equal(await from('127.0.0.12'), 'http://inside:8080')
})

test('a list in X-Forwarded-Proto or -Host is ignored: a client may have written its first part', async (t) => {
  const { originOf } = await start(t, { trustedProxies: [PROXY] })
  const forwarded = (headers: OutgoingHttpHeaders) =>
    originOf({ from: PROXY, headers: { host: 'inside', ...headers } })
  assert.equal(await forwarded({ 'x-forwarded-host': 'evil.example, r.example' }), 'http://inside')
  assert.equal(await forwarded({ 'x-forwarded-host': ['evil.example', 'r.example'] }), 'http://inside')
  assert.equal(await forwarded({ 'x-forwarded-proto': 'https, http' }), 'http://inside')
  assert.equal(await forwarded({ 'x-forwarded-proto': ['https', 'https'] }), 'http://inside')
  assert.equal(await forwarded({ 'x-forwarded-proto': 'javascript' }), 'http://inside')
})

test('the client is the last address of X-Forwarded-For that no trusted proxy has', async (t) => {
  const { ask } = await start(t, { trustedProxies: [PROXY, '10.0.0.0/8'] })
  const clientOf = async (list: string | string[]) =>
    (await ask({ from: PROXY, headers: { 'x-forwarded-for': list } })).clientAddress
  assert.equal(await clientOf('192.0.2.1, 192.0.2.7, 10.1.2.3'), '192.0.2.7')
  assert.equal(await clientOf(['192.0.2.1', '192.0.2.7']), '192.0.2.7')
  assert.equal(await clientOf('2001:db8::7'), '2001:db8::7')
  assert.equal(await clientOf('::ffff:192.0.2.7'), '192.0.2.7')
  // What is no address, and all that stands before it, may be anybody's invention.
  assert.equal(await clientOf('192.0.2.7, unknown'), PROXY)
  assert.equal(await clientOf('192.0.2.7, 10.1.2.3:4711'), PROXY)
  assert.equal(await clientOf('10.1.2.3'), PROXY)
  assert.equal(await clientOf(''), PROXY)
})

test('IPv6 clients, proxies and hosts are known by theirs', async (t) => {
  const { ask, port } = await start(t, { trustedProxies: ['::1'] })
  assert.equal((await ask()).clientAddress, '127.0.0.1')
  assert.deepEqual(await ask({ from: '::1', to: '::1' }), {
    origin: `http://[::1]:${port}`,
    clientAddress: '::1',
  })
  assert.deepEqual(await ask({ from: '::1', to: '::1', headers: FORWARDED }), {
    origin: 'https://r.example',
    clientAddress: '192.0.2.7',
  })
  const headers = { 'x-forwarded-host': '[2001:db8::1]:5000' }
  assert.equal((await ask({ from: '::1', to: '::1', headers })).origin, 'http://[2001:db8::1]:5000')
})

test('a host that can not stand in a URL is replaced by the address that was reached', async (t) => {
  const { originOf, port } = await start(t, { trustedProxies: [PROXY] })
  const reached = `http://127.0.0.1:${port}`
  const of = (host: string) => originOf({ headers: { host } })
  assert.equal(await of('a b'), reached)
  assert.equal(await of('a/b'), reached)
  assert.equal(await of('user@a'), reached)
  assert.equal(await of('a"b'), reached)
  assert.equal(await of('a?b#c'), reached)
  assert.equal(await of('a:99999'), reached)
  assert.equal(await of('[::g]'), reached)
  assert.equal(await of('999.999.999.999'), reached)
  assert.equal(await of(`${'a'.repeat(261)}`), reached)
  assert.equal(await of(''), reached)
  // What a proxy says wrong does not hide what the request says right.
  const headers = { host: 'r.example', 'x-forwarded-host': 'a b' }
  assert.equal(await originOf({ from: PROXY, headers }), 'http://r.example')
})

test('a request without Host is answered, too', async (t) => {
  const { port } = await start(t)
  const connection = await connectRaw(`http://127.0.0.1:${port}`)
  atEnd(t, () => connection.close())
  connection.write('GET / HTTP/1.0\r\n\r\n')
  assert.match(await connection.receive(/}/), new RegExp(`"origin":"http://127.0.0.1:${port}"`))
})
