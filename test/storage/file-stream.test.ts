import assert from 'node:assert/strict'
import { open, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { BufferPool } from '../../src/storage/buffer-pool.ts'
import { FileStream } from '../../src/storage/file-stream.ts'
import { temporaryFolder } from '../support/scope.ts'
import { until } from '../support/until.ts'
import { seededBytes } from '../support/seeded-bytes.ts'

const bytes = seededBytes('file stream', 300 * 1024)
const whole = { start: 0, end: bytes.length - 1 }

async function fileOf(t: TestContext): Promise<string> {
  const path = join(await temporaryFolder(t), 'file')
  await writeFile(path, bytes)
  return path
}

async function streamOf(t: TestContext, pool = poolOf(), range = whole): Promise<FileStream> {
  return new FileStream({ handle: await open(await fileOf(t)), range, pool })
}

const poolOf = (mostLent = 4) => new BufferPool({ bytes: 128 * 1024, mostLent, mostKept: 2 })

/** Keeps what it is given as it was then, and takes its time: a buffer that is used too early shows. */
function slowSink(): Writable & { readonly received: Buffer[] } {
  const received: Buffer[] = []
  const write = (chunk: Buffer, _encoding: string, callback: () => void) => {
    setImmediate(() => {
      received.push(Buffer.from(chunk))
      callback()
    })
  }
  return Object.assign(new Writable({ write, highWaterMark: 1 }), { received })
}

test('a sink gets every byte in order, and is not ended', async (t) => {
  const sink = slowSink()
  await (await streamOf(t)).sendTo(sink)
  assert.deepEqual(Buffer.concat(sink.received), bytes)
  assert.equal(sink.writableEnded, false)
})

test('a sink gets one range, also when the pool has no buffer left', async (t) => {
  const sink = slowSink()
  await (await streamOf(t, poolOf(0), { start: 70_000, end: 299_999 })).sendTo(sink)
  assert.deepEqual(Buffer.concat(sink.received), bytes.subarray(70_000, 300_000))
})

test('read as a stream it gives the same bytes', async (t) => {
  assert.deepEqual(await buffer(await streamOf(t)), bytes)
})

test('a sink that is closed in between ends the sending, and the file is let go', async (t) => {
  const stream = await streamOf(t)
  const sink = new PassThrough({ highWaterMark: 1 }) // nobody reads it
  const sending = stream.sendTo(sink)
  sink.destroy()
  await assert.rejects(sending)
  assert.equal(stream.destroyed, true)
})

test('a reader that is already gone ends the stream quietly, and the file is let go', async (t) => {
  const handle = await open(await fileOf(t))
  const stream = new FileStream({ handle, range: whole, pool: poolOf(), signal: AbortSignal.abort() })
  await assert.rejects(stream.sendTo(slowSink()))
  await until('the file is closed', () => handle.fd === -1)
})

test('a file that is cut short is a failure, not a short answer', async (t) => {
  const path = await fileOf(t)
  const stream = new FileStream({ handle: await open(path), range: whole, pool: poolOf() })
  await truncate(path, 1000)
  await assert.rejects(stream.sendTo(slowSink()), /cut short/)
})

test('the pool lends no more than it may, and takes back only what nobody uses', () => {
  const pool = new BufferPool({ bytes: 10, mostLent: 2, mostKept: 1 })
  const [first, second] = [pool.take(), pool.take()]
  assert.ok(first && second)
  assert.equal(pool.take(), undefined)
  pool.giveBack(first, { reusable: true })
  assert.equal(pool.take(), first)
  pool.giveBack(second, { reusable: false })
  assert.notEqual(pool.take(), second)
})
