import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { Agent, type RequestListener, type Server } from 'node:http'
import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { Listener, type ListenerOptions } from '../../src/server/listener.ts'
import { makeCertificate } from '../support/certificates.ts'
import { connectRaw, open, send } from '../support/http.ts'
import { atEnd } from '../support/scope.ts'

const LONG_MS = 60_000

async function listen(t: TestContext, handler: RequestListener, options: Partial<ListenerOptions> = {}) {
  const { tls } = options
  const listener = new Listener({
    host: '127.0.0.1',
    port: 0,
    tls,
    handler,
    idleTimeoutMs: LONG_MS,
    ...options,
  })
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${await listener.listen()}`
  atEnd(t, () => listener.close(0))
  return { listener, url }
}

async function connect(t: TestContext, url: string, options: { ca?: string } = {}) {
  const connection = await connectRaw(url, options)
  atEnd(t, () => connection.close())
  return connection
}

/** Requests that wait until the test lets them end. */
function waiting(): { handler: RequestListener; arrived: Promise<void>; finish: () => void } {
  const [arrived, finished] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const handler: RequestListener = (req, res) => {
    req.resume()
    arrived.resolve()
    void finished.promise.then(() => res.end('done'))
  }
  return { handler, arrived: arrived.promise, finish: finished.resolve }
}

const echo: RequestListener = (req, res) => void req.pipe(res)

test('no request has to be over within a certain time, its headers have', async (t) => {
  // The limits are minutes: it is not waited for them, the server that is listening is asked.
  const started = Promise.withResolvers<Server>()
  const onStart = (message: unknown) => started.resolve((message as { server: Server }).server)
  subscribe('http.server.request.start', onStart)
  atEnd(t, () => void unsubscribe('http.server.request.start', onStart))
  const { url } = await listen(t, (_req, res) => res.end())
  await send(url)
  const { requestTimeout, headersTimeout } = await started.promise
  assert.equal(requestTimeout, 0)
  assert.equal(headersTimeout, 30_000)
})

test('a body that keeps moving is not cut, however slow it is', async (t) => {
  const { url } = await listen(t, echo, { idleTimeoutMs: 1500 })
  async function* drops() {
    for (let drop = 0; drop < 8; drop++) {
      yield String(drop)
      await pause(250)
    }
  }
  assert.equal((await send(url, { method: 'PUT', body: Readable.from(drops()) })).text(), '01234567')
})

test('a connection that moves no byte is cut, before a request and in the middle of one', async (t) => {
  const { url } = await listen(t, (req) => void req.resume(), { idleTimeoutMs: 50 })
  const [silent, stalled] = [await connect(t, url), await connect(t, url)]
  stalled.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
  await Promise.all([silent.closed, stalled.closed])
})

test('headers that are too large are answered with 431 in the form of the API', async (t) => {
  const { url } = await listen(t, echo)
  const connection = await connect(t, url)
  connection.write(`GET /v2/ HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`)
  await connection.closed
  const [head = '', body = ''] = connection.received().split('\r\n\r\n')
  assert.match(head, /^HTTP\/1\.1 431 /)
  assert.match(head, /Docker-Distribution-Api-Version: registry\/2\.0/)
  assert.equal(JSON.parse(body).errors[0].code, 'UNSUPPORTED')
  // What is just below the limit passes: tokens with many scopes are large.
  assert.equal((await send(url, { headers: { x: 'x'.repeat(30_000) } })).status, 200)
})

test('what is no HTTP is answered with 400 and closed', async (t) => {
  const { url } = await listen(t, echo)
  const connection = await connect(t, url)
  connection.write('\x16\x03\x01\r\n\r\n')
  await connection.closed
  assert.match(connection.received(), /^HTTP\/1\.1 400 .*"the request is not valid HTTP"/s)
})

test('a stop lets a running request end, closes idle connections at once and accepts no new one', async (t) => {
  const { handler, arrived, finish } = waiting()
  const { listener, url } = await listen(t, (req, res) => {
    if (req.url === '/slow') handler(req, res)
    else res.end()
  })
  const agent = new Agent({ keepAlive: true })
  atEnd(t, () => agent.destroy())
  await send(url, { agent })
  const [idle] = Object.values(agent.freeSockets).flat()
  assert(idle)
  const slow = send(`${url}/slow`)
  await arrived
  const stopped = listener.close(LONG_MS)
  await once(idle, 'close')
  await assert.rejects(send(url), { code: 'ECONNREFUSED' })
  finish()
  assert.equal((await slow).text(), 'done')
  await stopped
})

test('a kept-alive connection is closed when the request that held it up has ended', async (t) => {
  const { handler, arrived, finish } = waiting()
  const { listener, url } = await listen(t, handler)
  const agent = new Agent({ keepAlive: true })
  atEnd(t, () => agent.destroy())
  const answered = send(url, { agent })
  await arrived
  const stopped = listener.close(LONG_MS)
  finish()
  assert.equal((await answered).status, 200)
  await stopped
})

test('the grace of a stop is a bound for whoever stalls', async (t) => {
  const endless: RequestListener = (req, res) => {
    if (req.method === 'GET') Readable.from(zeros()).pipe(res)
    else req.resume()
  }
  const { listener, url } = await listen(t, endless)
  const stalled = [await connect(t, url), await connect(t, url), await connect(t, url), await connect(t, url)]
  const [, half, sending, receiving] = stalled
  half?.write('GET / HTTP/1.1\r\nHo')
  sending?.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
  receiving?.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await receiving?.receive(/200 OK/)
  receiving?.socket.pause()
  await listener.close(50)
  receiving?.socket.resume()
  await Promise.all(stalled.map(({ closed }) => closed))
})

test('the grace of a stop is a bound for whoever stalls on TLS, in its handshake or after it', async (t) => {
  const { certificate, key, ca } = await makeCertificate(t)
  const tls = { cert: await readFile(certificate), key: await readFile(key) }
  const { listener, url } = await listen(t, (req) => void req.resume(), { tls })
  const tcp = url.replace('https:', 'http:')
  const stalled = [await connect(t, tcp), await connect(t, tcp), await connect(t, url, { ca })]
  const [, hello, sending] = stalled
  hello?.write('\x16\x03\x01')
  sending?.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc')
  await listener.close(50)
  await Promise.all(stalled.map(({ closed }) => closed))
})

test('a handler that throws costs its request alone', async (t) => {
  const { handler, arrived, finish } = waiting()
  const { url } = await listen(t, (req, res) => {
    if (req.url === '/slow') return handler(req, res)
    if (req.url === '/late') res.write('begun')
    if (req.url !== '/') throw new Error('a bug')
    res.end()
  })
  const slow = send(`${url}/slow`)
  await arrived
  const warned = once(process, 'warning')
  const { status, headers } = await send(`${url}/bug`)
  assert.deepEqual([status, headers['connection']], [500, 'close'])
  assert.match(String(await warned), /a bug/)
  // An answer that has begun is cut, so that nobody takes a part of it for the whole.
  const late = await open(`${url}/late`).catch(() => undefined)
  if (late) await assert.rejects(text(late), /aborted/)
  finish()
  assert.equal((await slow).text(), 'done')
  assert.equal((await send(url)).status, 200)
})

test('an address that is taken rejects', async (t) => {
  const { url } = await listen(t, echo)
  const port = Number(new URL(url).port)
  const second = new Listener({
    host: '127.0.0.1',
    port,
    tls: undefined,
    handler: echo,
    idleTimeoutMs: LONG_MS,
  })
  await assert.rejects(second.listen(), { code: 'EADDRINUSE' })
})

function* zeros(): Generator<Buffer> {
  for (;;) yield Buffer.alloc(64 * 1024)
}

test('of the ciphers that a client offers, the one is taken that costs least', async (t) => {
  const { certificate, key, ca } = await makeCertificate(t)
  const tls = { cert: await readFile(certificate), key: await readFile(key) }
  const { url } = await listen(t, echo, { tls })
  const client = connectTls({ port: Number(new URL(url).port), host: '127.0.0.1', ca })
  atEnd(t, () => void client.destroy())
  await once(client, 'secureConnect')
  assert.equal(client.getCipher().name, 'TLS_AES_128_GCM_SHA256')
})
