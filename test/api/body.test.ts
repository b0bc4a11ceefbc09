import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { hasBody, leaveBody, readBody, uploadChunk } from '../../src/api/body.ts'
import { ByteBudget } from '../../src/api/byte-budget.ts'
import { RegistryError } from '../../src/oci/error.ts'
import { connectRaw, send } from '../support/http.ts'
import { atEnd } from '../support/scope.ts'
import { until } from '../support/until.ts'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

/** A server whose answer is what `handler` makes of the request; a failure is answered as the API does. */
async function serve(t: TestContext, handler: Handler): Promise<string> {
  const answer = async (req: IncomingMessage, res: ServerResponse) => {
    try {
      res.end(String(await handler(req, res)))
    } catch (error) {
      if (!(error instanceof RegistryError)) return void res.destroy()
      const left = leaveBody(req, res)
      res.writeHead(error.status, { ...error.headers })
      res.write(error.code)
      await left
      res.end()
    }
  }
  const server = createServer((req, res) => void answer(req, res))
  server.on('checkContinue', (req, res) => void answer(req, res))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, () => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const reader =
  (budget: ByteBudget, maxBytes = 100): Handler =>
  (req, res) =>
    readBody(req, res, { maxBytes, budget })

const put = async (url: string, body: string | Readable) => {
  const answer = await send(url, { method: 'PUT', body })
  return `${answer.status} ${answer.text()}`
}

/** A body without a length. */
const chunked = (...chunks: string[]) => Readable.from(chunks)

/** Whether `bytes` of the budget are free, and no more. */
function isLeft(budget: ByteBudget, bytes: number): boolean {
  const [enough, more] = [budget.take(bytes), budget.take(1)]
  if (enough) budget.giveBack(bytes)
  if (more) budget.giveBack(1)
  return enough && !more
}

test('a body is read whole, with a length and without', async (t) => {
  const url = await serve(t, reader(new ByteBudget(100)))
  assert.equal(await put(url, 'hello'), '200 hello')
  assert.equal(await put(url, chunked('hel', 'lo')), '200 hello')
  assert.equal(await put(url, ''), '200 ')
  assert.equal(await put(url, 'x'.repeat(100)), `200 ${'x'.repeat(100)}`)
})

test('a body that says that it is too large is refused before it is asked for', async (t) => {
  const url = await serve(t, reader(new ByteBudget(100)))
  const connection = await connectRaw(url)
  atEnd(t, () => connection.close())
  connection.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 101\r\nExpect: 100-continue\r\n\r\n')
  await connection.closed
  assert.match(connection.received(), /^HTTP\/1\.1 413 .*Connection: close.*SIZE_INVALID/is)
})

test('a client that waits with its body is told to send it', async (t) => {
  const url = await serve(t, reader(new ByteBudget(100)))
  const connection = await connectRaw(url)
  atEnd(t, () => connection.close())
  connection.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n')
  await connection.receive(/^HTTP\/1\.1 100 Continue\r\n\r\n$/)
  connection.write('hello')
  await connection.receive(/200 OK.*hello/s)
})

test('a body without a length is refused where it becomes too large, and its bytes are given back', async (t) => {
  const budget = new ByteBudget(150)
  const url = await serve(t, reader(budget))
  assert.equal(await put(url, chunked('x'.repeat(60), 'x'.repeat(60))), '413 SIZE_INVALID')
  assert(isLeft(budget, 150))
})

test('when too much is being read at once the next one is asked to come back, and then it is served', async (t) => {
  const budget = new ByteBudget(10)
  const url = await serve(t, reader(budget))
  const slow = new Readable({ read() {} })
  slow.push('12345678')
  const first = put(url, slow)
  await until('eight bytes are taken', () => isLeft(budget, 2))
  const refused = await send(url, { method: 'PUT', body: 'abc' })
  assert.deepEqual(
    [refused.status, refused.text(), refused.headers['retry-after']],
    [503, 'UNAVAILABLE', '1'],
  )
  // What was refused took nothing; what fits is served meanwhile.
  assert.equal(await put(url, 'ab'), '200 ab')
  slow.push(null)
  assert.equal(await first, '200 12345678')
  assert.equal(await put(url, 'abc'), '200 abc')
  assert(isLeft(budget, 10))
})

test('a client that hangs up gives its bytes back', async (t) => {
  const budget = new ByteBudget(10)
  const url = await serve(t, reader(budget))
  const connection = await connectRaw(url)
  connection.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1234')
  await until('four bytes are taken', () => isLeft(budget, 6))
  connection.close()
  await until('they are given back', () => isLeft(budget, 10))
})

test('a body that takes longer than a minute cuts its connection', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const started = Promise.withResolvers<{ failed: Promise<unknown> }>()
  const url = await serve(t, (req, res) => {
    const reading = readBody(req, res, { maxBytes: 10, budget: new ByteBudget(10) })
    started.resolve({ failed: reading.catch((error: unknown) => error) })
    return reading
  })
  const connection = await connectRaw(url)
  atEnd(t, () => connection.close())
  connection.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n1234')
  const { failed } = await started.promise
  t.mock.timers.tick(59_999)
  assert.equal(connection.socket.readyState, 'open')
  t.mock.timers.tick(1)
  assert.match(String(await failed), /aborted|Premature close/)
  await connection.closed
})

test('a chunk of an upload carries what the client says of its place and length', async (t) => {
  const url = await serve(t, async (req, res) => {
    const { body, start, length } = uploadChunk(req, res)
    return JSON.stringify({ start, length, body: await text(body) })
  })
  const patch = async (headers: Record<string, string>, body: string | Readable = 'hello') => {
    const answer = await send(url, { method: 'PATCH', headers, body })
    return answer.status === 200 ? answer.json() : `${answer.status} ${answer.text()}`
  }
  assert.deepEqual(await patch({}), { length: 5, body: 'hello' })
  assert.deepEqual(await patch({}, chunked('hello')), { body: 'hello' })
  const placed = { start: 10, length: 5, body: 'hello' }
  assert.deepEqual(await patch({ 'content-range': '10-14' }), placed)
  assert.deepEqual(await patch({ 'content-range': 'bytes 10-14/*' }), placed)
  assert.deepEqual(await patch({ 'content-range': 'bytes=10-14' }), placed)
  // The larger promise counts: this body does not keep it.
  assert.deepEqual(await patch({ 'content-range': '0-9' }), { start: 0, length: 10, body: 'hello' })
  assert.equal(await patch({ 'content-range': '5-4' }), '400 RANGE_INVALID')
  assert.equal(await patch({ 'content-range': '-4' }), '400 RANGE_INVALID')
  assert.equal(await patch({ 'content-range': '0-' }), '400 RANGE_INVALID')
  assert.equal(await patch({ 'content-range': `0-${'9'.repeat(16)}` }), '400 RANGE_INVALID')
})

test('whether there is a body is known from the headers', async (t) => {
  const url = await serve(t, (req) => hasBody(req))
  assert.equal(await put(url, 'x'), '200 true')
  assert.equal(await put(url, chunked('x')), '200 true')
  assert.equal(await put(url, ''), '200 false')
  assert.equal((await send(url)).text(), 'false')
})

const refuse: Handler = () => {
  throw new RegistryError('DENIED', 'no')
}

test('who sends a body that nobody wants gets to see the answer, and may ask again on the connection', async (t) => {
  const url = await serve(t, refuse)
  const connection = await connectRaw(url)
  atEnd(t, () => connection.close())
  const size = 1024 * 1024
  connection.write(`PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`)
  await connection.receive(/403 Forbidden.*DENIED/s)
  connection.write(Buffer.alloc(size))
  connection.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await connection.receive(/403 Forbidden.*403 Forbidden/s)
})

test('a body that nobody wants is not read without end', async (t) => {
  const url = await serve(t, refuse)
  const connection = await connectRaw(url)
  atEnd(t, () => connection.close())
  connection.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n')
  await connection.receive(/403 Forbidden.*DENIED/s)
  const flood = () => {
    while (!connection.socket.destroyed && connection.socket.write(Buffer.alloc(64 * 1024)));
  }
  connection.socket.on('drain', flood)
  flood()
  await connection.closed
  assert(connection.socket.bytesWritten < 64 * 1024 * 1024)
})

test('a body that nobody wants and that does not come is not waited for', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const url = await serve(t, refuse)
  const connection = await connectRaw(url)
  atEnd(t, () => connection.close())
  const answered = once(connection.socket, 'data')
  connection.write('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n')
  assert.match(String(await answered), /403 Forbidden/)
  t.mock.timers.tick(5_000)
  await connection.closed
})
