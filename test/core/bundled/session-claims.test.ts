// Who may write to an upload session, over requests, processes and crashes.
import assert from 'node:assert/strict'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { SessionClaims } from '../../../src/core/bundled/session-claims.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { seededBytes } from '../../support/seeded-bytes.ts'
import { atEnd, type Scope } from '../../support/scope.ts'
import { until } from '../../support/until.ts'
import { repository } from '../content/content.ts'
import { chunkOf, CONTEXT, readBlob, startBundled, type Bundled } from './bundled.ts'
import type { Order, Outcome } from './writer-process.ts'

const TEAM = repository('team/app')
const BUSY = { code: 'BLOB_UPLOAD_INVALID', status: 409, headers: { 'Retry-After': '1' } }
const BYTES = seededBytes('claimed', 2_000_000)
const DIGEST = digestOf(BYTES)

test('a session is claimed by one request at a time, and then by the next', async (t) => {
  const { driver } = await startBundled(t)
  const [here, there] = [new SessionClaims(driver), new SessionClaims(driver)]
  const first = await here.take('session')
  await assert.rejects(here.take('session'), BUSY)
  await assert.rejects(there.take('session'), BUSY)
  await first.requireHeld()
  await first.release()
  const second = await there.take('session')
  assert.equal(second.isTakenOver, false)
  await assert.rejects(first.requireHeld(), BUSY)
  await second.release()
})

test('of many that claim at once one succeeds', async (t) => {
  const { driver } = await startBundled(t)
  const claims = Array.from({ length: 8 }, () => new SessionClaims(driver))
  for (let round = 0; round < 10; round += 1) {
    const results = await Promise.allSettled(claims.map((each) => each.take('session')))
    const taken = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    assert.ok(taken.length <= 1, `${taken.length} hold the session`)
    for (const claim of taken) await claim.release()
  }
  await (await new SessionClaims(driver).take('session')).release()
})

test('a hundred claims leave one file', async (t) => {
  const { driver, root } = await startBundled(t)
  const claims = new SessionClaims(driver)
  for (let at = 0; at < 100; at += 1) await (await claims.take('session')).release()
  assert.deepEqual(await readdir(join(root, 'session')), ['claim-0000000100'])
})

test('a session that a killed process worked on goes on at once, without what was not acknowledged', async (t) => {
  const bundled = await startBundled(t)
  const id = await sessionWith(bundled, BYTES.subarray(0, 1000))
  const writer = startWriter(t)
  await begin(bundled, writer, id)
  await assert.rejects(bundled.uploads.append(TEAM, id, chunkOf(BYTES), CONTEXT), BUSY)
  await assert.rejects(bundled.uploads.finish(TEAM, id, DIGEST, undefined, CONTEXT), BUSY)
  await assert.rejects(bundled.uploads.cancel(TEAM, id, CONTEXT), BUSY)
  writer.kill('SIGKILL')
  await once(writer, 'exit')
  assert.equal((await bundled.uploads.status(TEAM, id, CONTEXT)).offset, 1000)
  await bundled.uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES.subarray(1000)), CONTEXT)
  assert.deepEqual(await readBlob(bundled, TEAM, DIGEST), BYTES)
})

test('a process that wakes after its session was taken over can neither acknowledge nor spoil anything', async (t) => {
  const bundled = await startBundled(t, { claims: { silentMs: 300 } })
  const id = await sessionWith(bundled, BYTES.subarray(0, 1000))
  const writer = startWriter(t)
  await begin(bundled, writer, id)
  writer.kill('SIGSTOP')
  const taken = until('the session is taken over', () =>
    bundled.uploads.append(TEAM, id, chunkOf(BYTES.subarray(1000, 700_000)), CONTEXT).catch(() => undefined),
  )
  assert.deepEqual(await taken, { id, offset: 700_000 })
  writer.kill('SIGCONT')
  order(writer, { kind: 'more', bytes: 'late'.repeat(200_000) })
  order(writer, { kind: 'end' })
  assert.deepEqual(await outcomeOf(writer), { code: 'BLOB_UPLOAD_INVALID' })
  assert.equal((await bundled.uploads.status(TEAM, id, CONTEXT)).offset, 700_000)
  await bundled.uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES.subarray(700_000)), CONTEXT)
  assert.deepEqual(await readBlob(bundled, TEAM, DIGEST), BYTES)
})

test('a process that lives keeps its session, however long its chunk takes', async (t) => {
  const bundled = await startBundled(t, { claims: { silentMs: 300 } })
  const id = await sessionWith(bundled, BYTES.subarray(0, 1000))
  const other = new SessionClaims(bundled.driver, { beatMs: 20 })
  const claim = await other.take(folderOf(id))
  const until600Ms = performance.now() + 600
  await until('twice the silence is over', async () => {
    await assert.rejects(bundled.uploads.append(TEAM, id, chunkOf(BYTES), CONTEXT), BUSY)
    return performance.now() > until600Ms
  })
  await claim.release()
  await bundled.uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES.subarray(1000)), CONTEXT)
})

test('two processes that push to one session at once never acknowledge what the other overwrote', async (t) => {
  const bundled = await startBundled(t)
  const writers = [startWriter(t), startWriter(t), startWriter(t)]
  const id = await sessionWith(bundled, Buffer.alloc(0))
  const acknowledged: string[] = []
  for (let round = 0; round < 30; round += 1) {
    const outcomes = writers.map((writer, at) => {
      order(writer, { kind: 'begin', root: bundled.root, id, bytes: String(at).repeat(700_000 + round) })
      order(writer, { kind: 'end' })
      return outcomeOf(writer)
    })
    for (const [at, { offset }] of (await Promise.all(outcomes)).entries())
      if (offset !== undefined) acknowledged.push(`${offset} ${at} ${700_000 + round}`)
  }
  const pieces = acknowledged
    .map((line) => line.split(' ').map(Number))
    .toSorted(([a = 0], [b = 0]) => a - b)
    .map(([, writer, length]) => String(writer).repeat(length ?? 0))
  const content = Buffer.from(pieces.join(''))
  assert.ok(acknowledged.length >= 30)
  assert.equal((await bundled.uploads.status(TEAM, id, CONTEXT)).offset, content.length)
  const digest = digestOf(content)
  await bundled.uploads.finish(TEAM, id, digest, undefined, CONTEXT)
  assert.deepEqual(await readBlob(bundled, TEAM, digest), content)
})

test('a session that ends while another request claims it stays ended', async (t) => {
  const bundled = await startBundled(t)
  const other = await startBundled(t, { root: bundled.root })
  for (let round = 0; round < 20; round += 1) {
    const id = await sessionWith(bundled, BYTES)
    const results = await Promise.allSettled([
      bundled.uploads.finish(TEAM, id, DIGEST, undefined, CONTEXT),
      other.uploads.finish(TEAM, id, DIGEST, undefined, CONTEXT),
    ])
    assert.ok(results.some(({ status }) => status === 'fulfilled'))
    await assert.rejects(bundled.uploads.status(TEAM, id, CONTEXT), { code: 'BLOB_UPLOAD_UNKNOWN' })
    assert.deepEqual(await readdir(join(bundled.root, uploads())), [], 'something of the session is left')
  }
})

function uploads(): string {
  return 'docker/registry/v2/repositories/team/app/_uploads'
}

function folderOf(id: string): string {
  return `${uploads()}/${id}`
}

async function sessionWith(bundled: Bundled, bytes: Uint8Array): Promise<string> {
  const { id } = await bundled.uploads.start(TEAM, {}, CONTEXT)
  if (bytes.length > 0) await bundled.uploads.append(TEAM, id, chunkOf(bytes), CONTEXT)
  return id
}

function startWriter(t: Scope): ChildProcess {
  const writer = fork(join(import.meta.dirname, 'writer-process.ts'))
  atEnd(t, async () => {
    if (writer.exitCode !== null || writer.signalCode !== null) return
    writer.kill('SIGKILL')
    await once(writer, 'exit')
  })
  return writer
}

/** The writer works on the session, and bytes that nobody acknowledged are on the disk. */
async function begin({ root }: Bundled, writer: ChildProcess, id: string): Promise<void> {
  order(writer, { kind: 'begin', root, id, bytes: 'never acknowledged'.repeat(50_000) })
  const data = join(root, folderOf(id), 'data')
  await until('the writer writes', async () => (await readFile(data).catch(() => '')).length > 1000)
}

function order(writer: ChildProcess, message: Order): void {
  writer.send(message)
}

async function outcomeOf(writer: ChildProcess): Promise<Outcome> {
  const inTime = { signal: AbortSignal.timeout(20_000) }
  const [outcome] = (await once(writer, 'message', inTime)) as [Outcome]
  return outcome
}
