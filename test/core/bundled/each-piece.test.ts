import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { eachPiece } from '../../../src/core/bundled/each-piece.ts'

const PIECES = ['one', 'two', 'three'].map((text) => Buffer.from(text))

test('pieces come in order, and none before the last one is done with', async () => {
  const seen: string[] = []
  let isBusy = false
  await eachPiece(Readable.from(PIECES), async (piece) => {
    assert.equal(isBusy, false)
    isBusy = true
    await pause(1)
    seen.push(piece.toString())
    isBusy = false
  })
  assert.deepEqual(seen, ['one', 'two', 'three'])
})

for (const [when, fail] of [
  ['at once', () => assert.fail('no room')],
  ['later', async () => assert.fail('no room')],
] as const)
  test(`a piece that cannot be taken (${when}) is the last one, and the body is left alive`, async () => {
    const body = Readable.from(PIECES)
    let taken = 0
    const take = () => {
      taken += 1
      return fail()
    }
    await assert.rejects(eachPiece(body, take), /no room/)
    await pause(5)
    assert.equal(taken, 1)
    assert.equal(body.destroyed, false)
    assert.equal(body.read()?.toString(), 'two')
  })

test('a body that breaks off fails when what is done with its last piece has come to its end', async () => {
  const body = new Readable({ read: () => undefined })
  const order: string[] = []
  const poured = eachPiece(body, async () => {
    body.destroy(new Error('hung up'))
    await pause(10)
    order.push('taken')
  })
  body.push('piece')
  await assert.rejects(poured, /hung up/)
  order.push('failed')
  assert.deepEqual(order, ['taken', 'failed'])
})

test('what the HTTP parser hands out is given back when it is taken', async (t) => {
  const kept: Buffer[] = []
  const { promise, resolve } = Promise.withResolvers<number[]>()
  const server = createServer((req, res) => {
    void eachPiece(req, (piece) => {
      kept.push(piece)
      return kept.length % 2 === 0 ? Promise.resolve() : undefined
    }).then(() => {
      resolve(kept.map(({ byteLength }) => byteLength))
      res.end()
    })
  }).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  request({ port, method: 'PUT' }).end(Buffer.alloc(1_000_000))
  const lengths = await promise
  assert.ok(lengths.length > 1)
  assert.ok(
    lengths.every((length) => length === 0),
    String(lengths),
  )
})
