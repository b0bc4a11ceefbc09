// Upload sessions of the bundled registry: what they acknowledge is true, and nothing shows before it is whole.
import assert from 'node:assert/strict'
import { mkdir, readdir, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { blobDataPath, uploadFolder } from '../../../src/core/content/layout.ts'
import { digestOf, type Digest } from '../../../src/oci/digest.ts'
import { StorageFullError } from '../../../src/storage/driver.ts'
import { seededBytes } from '../../support/seeded-bytes.ts'
import { until } from '../../support/until.ts'
import { repository } from '../content/content.ts'
import { chunkOf, CONTEXT, pushBlob, readBlob, startBundled, type Bundled } from './bundled.ts'

const TEAM = repository('team/app')
const OTHER = repository('team/other')
const BYTES = seededBytes('blob', 1_500_000)
const DIGEST = digestOf(BYTES)
const BLOB = { digest: DIGEST, bytes: BYTES }

test('a blob that is streamed in one request reads back whole and in ranges', async (t) => {
  const bundled = await startBundled(t)
  await pushBlob(bundled, TEAM, BLOB)
  assert.deepEqual(await readBlob(bundled, TEAM, DIGEST), BYTES)
  const blob = await bundled.registry.openBlob(TEAM, DIGEST, CONTEXT)
  assert.equal(blob.size, BYTES.length)
  assert.deepEqual(await buffer(await blob.read({ start: 1000, end: 1999 })), BYTES.subarray(1000, 2000))
  blob.release()
  const stat = await bundled.registry.statBlob(TEAM, DIGEST, CONTEXT)
  assert.deepEqual(stat, { size: BYTES.length, cache: 'none' })
})

test('chunks are acknowledged one by one, the last one comes with the end, and nothing is read again', async (t) => {
  const bundled = await startBundled(t)
  const { uploads } = bundled
  const { id, offset } = await uploads.start(TEAM, {}, CONTEXT)
  assert.equal(offset, 0)
  const first = chunkOf(BYTES.subarray(0, 600_000), { start: 0, length: 600_000 })
  assert.deepEqual(await uploads.append(TEAM, id, first, CONTEXT), { id, offset: 600_000 })
  const second = chunkOf(BYTES.subarray(600_000, 600_001), { start: 600_000 })
  assert.deepEqual(await uploads.append(TEAM, id, second, CONTEXT), { id, offset: 600_001 })
  assert.deepEqual(await uploads.status(TEAM, id, CONTEXT), { id, offset: 600_001 })
  await uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES.subarray(600_001)), CONTEXT)
  assert.equal(bundled.driver.reads, 0)
  assert.deepEqual(await readBlob(bundled, TEAM, DIGEST), BYTES)
})

test('a whole blob may come with the end of its session, sha512 too', async (t) => {
  const bundled = await startBundled(t)
  const digest = digestOf(BYTES, 'sha512')
  const { id } = await bundled.uploads.start(TEAM, {}, CONTEXT)
  await bundled.uploads.finish(TEAM, id, digest, chunkOf(BYTES), CONTEXT)
  assert.equal(bundled.driver.reads, 0)
  assert.deepEqual(await readBlob(bundled, TEAM, digest), BYTES)
})

test('an algorithm that is named at the start is hashed on the way', async (t) => {
  const bundled = await startBundled(t)
  const digest = digestOf(BYTES, 'sha512')
  const { id } = await bundled.uploads.start(TEAM, { algorithm: 'sha512' }, CONTEXT)
  await bundled.uploads.append(TEAM, id, chunkOf(BYTES), CONTEXT)
  await bundled.uploads.finish(TEAM, id, digest, undefined, CONTEXT)
  assert.equal(bundled.driver.reads, 0)
  assert.deepEqual(await readBlob(bundled, TEAM, digest), BYTES)
})

test('an algorithm that shows only at the end costs one read', async (t) => {
  const bundled = await startBundled(t)
  const digest = digestOf(BYTES, 'sha512')
  const { id } = await bundled.uploads.start(TEAM, {}, CONTEXT)
  await bundled.uploads.append(TEAM, id, chunkOf(BYTES), CONTEXT)
  await bundled.uploads.finish(TEAM, id, digest, undefined, CONTEXT)
  assert.equal(bundled.driver.reads, 1)
  assert.deepEqual(await readBlob(bundled, TEAM, digest), BYTES)
})

test('an empty blob is a blob', async (t) => {
  const bundled = await startBundled(t)
  const empty = { digest: digestOf(''), bytes: Buffer.alloc(0) }
  await pushBlob(bundled, TEAM, empty)
  assert.equal((await readBlob(bundled, TEAM, empty.digest)).length, 0)
  const { id } = await bundled.uploads.start(OTHER, {}, CONTEXT)
  await bundled.uploads.finish(OTHER, id, empty.digest, undefined, CONTEXT)
  assert.equal((await readBlob(bundled, OTHER, empty.digest)).length, 0)
})

test('a finished session leaves no trace, and is unknown from then on', async (t) => {
  const bundled = await startBundled(t)
  const { uploads, root } = bundled
  const { id } = await uploads.start(TEAM, {}, CONTEXT)
  await uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES), CONTEXT)
  assert.deepEqual(await readdir(join(root, 'docker/registry/v2/repositories/team/app/_uploads')), [])
  await assertUnknown(bundled, id)
})

test('a cancelled session is gone with its bytes', async (t) => {
  const bundled = await startBundled(t)
  const { id } = await bundled.uploads.start(TEAM, {}, CONTEXT)
  await bundled.uploads.append(TEAM, id, chunkOf(BYTES), CONTEXT)
  await bundled.uploads.cancel(TEAM, id, CONTEXT)
  await assertUnknown(bundled, id)
})

test('a session belongs to its repository, and an id that is none finds nothing', async (t) => {
  const bundled = await startBundled(t)
  const { id } = await bundled.uploads.start(OTHER, {}, CONTEXT)
  for (const unknown of [id, '../../../etc', '', id.toUpperCase(), 'a/b'])
    await assertUnknown(bundled, unknown)
})

test('a session whose state was damaged on the disk has to start again', async (t) => {
  const bundled = await startBundled(t)
  for (const damaged of ['', '{"algo', 'null', '{"algorithm":"sha256","offset":-1}']) {
    const { id } = await bundled.uploads.start(TEAM, {}, CONTEXT)
    await bundled.driver.writeAll(`${uploadFolder(TEAM, id)}/dockgate.json`, Buffer.from(damaged))
    await assertUnknown(bundled, id)
  }
})

test('a chunk that does not start at the offset is refused with the true range, and the session goes on', async (t) => {
  const bundled = await startBundled(t)
  const { uploads } = bundled
  const { id } = await uploads.start(TEAM, {}, CONTEXT)
  const refused = (Range: string) => ({ code: 'RANGE_INVALID', status: 416, headers: { Range } })
  await assert.rejects(uploads.append(TEAM, id, chunkOf(BYTES, { start: 5 }), CONTEXT), refused('0-0'))
  await uploads.append(TEAM, id, chunkOf(BYTES.subarray(0, 1000)), CONTEXT)
  await assert.rejects(uploads.append(TEAM, id, chunkOf(BYTES, { start: 0 }), CONTEXT), refused('0-999'))
  await assert.rejects(
    uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES, { start: 999 }), CONTEXT),
    refused('0-999'),
  )
  await uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES.subarray(1000), { start: 1000 }), CONTEXT)
  assert.equal(bundled.driver.reads, 0)
})

test('a session that goes away with its repository in the middle of a request is unknown, and leaves nothing', async (t) => {
  const bundled = await startBundled(t)
  const { id } = await bundled.uploads.start(TEAM, {}, CONTEXT)
  bundled.driver.beforeCommit = () => bundled.driver.delete(uploadFolder(TEAM, id))
  await assert.rejects(bundled.uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES), CONTEXT), {
    code: 'BLOB_UPLOAD_UNKNOWN',
  })
  await assertNoBlob(bundled, DIGEST)
  await assert.rejects(readdir(join(bundled.root, uploadFolder(TEAM, id))), { code: 'ENOENT' })
})

test('a blob whose place on the disk is taken by something else is refused with 503, and its session is kept', async (t) => {
  const bundled = await startBundled(t)
  await mkdir(join(bundled.root, blobDataPath(DIGEST)), { recursive: true })
  const { id } = await bundled.uploads.start(TEAM, {}, CONTEXT)
  await assert.rejects(bundled.uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES), CONTEXT), {
    code: 'UNAVAILABLE',
    status: 503,
  })
  assert.equal((await bundled.uploads.status(TEAM, id, CONTEXT)).offset, BYTES.length)
})

test('a chunk that is longer or shorter than announced is dropped whole', async (t) => {
  const bundled = await startBundled(t)
  const { uploads } = bundled
  const { id } = await uploads.start(TEAM, {}, CONTEXT)
  await uploads.append(TEAM, id, chunkOf(BYTES.subarray(0, 1000)), CONTEXT)
  const refused = { code: 'SIZE_INVALID', status: 400 }
  await assert.rejects(uploads.append(TEAM, id, chunkOf(BYTES, { length: 700_000 }), CONTEXT), refused)
  await assert.rejects(uploads.append(TEAM, id, chunkOf(BYTES, { length: 2_000_000 }), CONTEXT), refused)
  assert.equal((await uploads.status(TEAM, id, CONTEXT)).offset, 1000)
  await uploads.append(TEAM, id, chunkOf(BYTES.subarray(1000)), CONTEXT)
  await uploads.finish(TEAM, id, DIGEST, undefined, CONTEXT)
  assert.deepEqual(await readBlob(bundled, TEAM, DIGEST), BYTES)
})

test('bytes with another digest are refused, show nowhere and end the session', async (t) => {
  const bundled = await startBundled(t)
  const wrong = digestOf('something else')
  const { id } = await bundled.uploads.start(TEAM, {}, CONTEXT)
  await bundled.uploads.append(TEAM, id, chunkOf(BYTES), CONTEXT)
  await assert.rejects(bundled.uploads.finish(TEAM, id, wrong, undefined, CONTEXT), {
    code: 'DIGEST_INVALID',
    status: 400,
    detail: { digest: wrong },
  })
  await assertNoBlob(bundled, wrong)
  await assertNoBlob(bundled, DIGEST)
  await assertUnknown(bundled, id)
})

test('bytes with another digest are refused also where they have to be read again', async (t) => {
  const bundled = await startBundled(t)
  const wrong = digestOf('something else', 'sha512')
  const { id } = await bundled.uploads.start(TEAM, {}, CONTEXT)
  await bundled.uploads.append(TEAM, id, chunkOf(BYTES), CONTEXT)
  await assert.rejects(bundled.uploads.finish(TEAM, id, wrong, undefined, CONTEXT), {
    code: 'DIGEST_INVALID',
  })
  await assertNoBlob(bundled, wrong)
  await assertUnknown(bundled, id)
})

test('what arrived before the client hung up is kept and acknowledged', async (t) => {
  const bundled = await startBundled(t)
  const { uploads } = bundled
  const { id } = await uploads.start(TEAM, {}, CONTEXT)
  await assert.rejects(uploads.append(TEAM, id, brokenAfter(700_000), CONTEXT), /hung up/)
  const { offset } = await uploads.status(TEAM, id, CONTEXT)
  assert.equal(offset, 700_000)
  await uploads.append(TEAM, id, chunkOf(BYTES.subarray(offset), { start: offset }), CONTEXT)
  await uploads.finish(TEAM, id, DIGEST, undefined, CONTEXT)
  assert.equal(bundled.driver.reads, 0)
  assert.deepEqual(await readBlob(bundled, TEAM, DIGEST), BYTES)
})

test('a session that breaks off in its last request goes on', async (t) => {
  const bundled = await startBundled(t)
  const { uploads } = bundled
  const { id } = await uploads.start(TEAM, {}, CONTEXT)
  await assert.rejects(uploads.finish(TEAM, id, DIGEST, brokenAfter(700_000), CONTEXT), /hung up/)
  await assertNoBlob(bundled, DIGEST)
  const { offset } = await uploads.status(TEAM, id, CONTEXT)
  await uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES.subarray(offset), { start: offset }), CONTEXT)
  assert.deepEqual(await readBlob(bundled, TEAM, DIGEST), BYTES)
})

test('a session goes on in another process, without a second read where its hash was kept', async (t) => {
  const before = await startBundled(t)
  const { id } = await before.uploads.start(TEAM, {}, CONTEXT)
  await before.uploads.append(TEAM, id, chunkOf(BYTES), CONTEXT)
  const after = await startBundled(t, { root: before.root })
  assert.equal((await after.uploads.status(TEAM, id, CONTEXT)).offset, BYTES.length)
  await after.uploads.finish(TEAM, id, DIGEST, undefined, CONTEXT)
  assert.equal(after.driver.reads, 0)
  assert.deepEqual(await readBlob(after, TEAM, DIGEST), BYTES)
})

test('a session whose processes each hashed a part is read once at its end', async (t) => {
  const before = await startBundled(t)
  const { id } = await before.uploads.start(TEAM, {}, CONTEXT)
  await before.uploads.append(TEAM, id, chunkOf(BYTES.subarray(0, 1000)), CONTEXT)
  const after = await startBundled(t, { root: before.root })
  await after.uploads.append(TEAM, id, chunkOf(BYTES.subarray(1000)), CONTEXT)
  await after.uploads.finish(TEAM, id, DIGEST, undefined, CONTEXT)
  assert.equal(after.driver.reads, 1)
  assert.deepEqual(await readBlob(after, TEAM, DIGEST), BYTES)
})

test('a session that another process moved on is not hashed on from where this one left it', async (t) => {
  const first = await startBundled(t)
  const other = await startBundled(t, { root: first.root })
  const { id } = await first.uploads.start(TEAM, {}, CONTEXT)
  await first.uploads.append(TEAM, id, chunkOf(BYTES.subarray(0, 1000)), CONTEXT)
  await other.uploads.append(TEAM, id, chunkOf(BYTES.subarray(1000, 2000)), CONTEXT)
  await first.uploads.append(TEAM, id, chunkOf(BYTES.subarray(2000)), CONTEXT)
  await first.uploads.finish(TEAM, id, DIGEST, undefined, CONTEXT)
  assert.equal(first.driver.reads, 1)
  assert.deepEqual(await readBlob(first, TEAM, DIGEST), BYTES)
})

test('a push that was killed between the blob and its link is finished by repeating its end', async (t) => {
  const before = await startBundled(t)
  const { id } = await before.uploads.start(TEAM, {}, CONTEXT)
  await before.uploads.append(TEAM, id, chunkOf(BYTES), CONTEXT)
  await commitAndDie(before, id)
  const after = await startBundled(t, { root: before.root })
  await after.uploads.finish(TEAM, id, DIGEST, undefined, CONTEXT)
  assert.deepEqual(await readBlob(after, TEAM, DIGEST), BYTES)
})

test('so is one whose last chunk came with its end: all of it counts as acknowledged', async (t) => {
  const before = await startBundled(t)
  const { id } = await before.uploads.start(TEAM, {}, CONTEXT)
  await before.uploads.append(TEAM, id, chunkOf(BYTES.subarray(0, 1000)), CONTEXT)
  await dieAtCommit(before, () =>
    before.uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES.subarray(1000)), CONTEXT),
  )
  await commitAndDie(before, id)
  const after = await startBundled(t, { root: before.root })
  assert.equal((await after.uploads.status(TEAM, id, CONTEXT)).offset, BYTES.length)
  await after.uploads.finish(TEAM, id, DIGEST, undefined, CONTEXT)
  assert.deepEqual(await readBlob(after, TEAM, DIGEST), BYTES)
})

test('so is one whose bytes had to be read again', async (t) => {
  const before = await startBundled(t)
  const digest = digestOf(BYTES, 'sha512')
  const { id } = await before.uploads.start(TEAM, {}, CONTEXT)
  await before.uploads.append(TEAM, id, chunkOf(BYTES), CONTEXT)
  await dieAtCommit(before, () => before.uploads.finish(TEAM, id, digest, undefined, CONTEXT))
  await commitAndDie(before, id, digest)
  const after = await startBundled(t, { root: before.root })
  await after.uploads.finish(TEAM, id, digest, undefined, CONTEXT)
  assert.deepEqual(await readBlob(after, TEAM, digest), BYTES)
})

test('a second request on a session is refused and changes nothing', async (t) => {
  const bundled = await startBundled(t)
  const { uploads } = bundled
  const { id } = await uploads.start(TEAM, {}, CONTEXT)
  const body = new PassThrough()
  const first = uploads.append(TEAM, id, { body }, CONTEXT)
  const folder = join(bundled.root, uploadFolder(TEAM, id))
  await until('the first has the session', async () => (await readdir(folder)).includes('data'))
  const refused = { code: 'BLOB_UPLOAD_INVALID', status: 409 }
  await assert.rejects(uploads.append(TEAM, id, chunkOf(BYTES), CONTEXT), refused)
  await assert.rejects(uploads.finish(TEAM, id, DIGEST, undefined, CONTEXT), refused)
  await assert.rejects(uploads.cancel(TEAM, id, CONTEXT), refused)
  assert.equal((await uploads.status(TEAM, id, CONTEXT)).offset, 0)
  body.end(BYTES)
  assert.equal((await first).offset, BYTES.length)
  await uploads.finish(TEAM, id, DIGEST, undefined, CONTEXT)
})

test('a body is taken at the pace of the disk', async (t) => {
  const { uploads, driver } = await startBundled(t)
  const { id } = await uploads.start(TEAM, {}, CONTEXT)
  const gate = Promise.withResolvers<void>()
  driver.beforeWrite = () => gate.promise
  let produced = 0
  const body = new Readable({
    read() {
      produced += 1
      this.push(produced <= 1000 ? Buffer.alloc(16_384) : null)
    },
  })
  const appended = uploads.append(TEAM, id, { body }, CONTEXT)
  await until('the body begins', () => produced > 0)
  await uploads.status(TEAM, id, CONTEXT) // time in which an unchecked body would run on
  assert.ok(produced < 20, `${produced} chunks were taken while the disk took none`)
  gate.resolve()
  assert.equal((await appended).offset, 16_384_000)
})

test('a full disk is said to be full, and the session goes on when there is room again', async (t) => {
  const bundled = await startBundled(t)
  const { uploads, driver } = bundled
  const { id } = await uploads.start(TEAM, {}, CONTEXT)
  await uploads.append(TEAM, id, chunkOf(BYTES.subarray(0, 1000)), CONTEXT)
  driver.beforeWrite = () => {
    throw new StorageFullError('no room')
  }
  const pieces = [BYTES.subarray(1000, 1_000_000), BYTES.subarray(1_000_000)]
  const body = Readable.from(pieces, { objectMode: false })
  await assert.rejects(uploads.append(TEAM, id, { body }, CONTEXT), {
    code: 'UNAVAILABLE',
    status: 503,
    message: /disk .* full/,
  })
  assert.equal(body.destroyed, false, 'the client could not be answered any more')
  driver.beforeWrite = undefined
  const { offset } = await uploads.status(TEAM, id, CONTEXT)
  assert.equal(offset, 1000)
  await uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES.subarray(offset)), CONTEXT)
  assert.deepEqual(await readBlob(bundled, TEAM, DIGEST), BYTES)
})

test('a mount without a source finds what the repository holds already, also before its first manifest', async (t) => {
  const before = await startBundled(t)
  await pushBlob(before, TEAM, BLOB)
  const { uploads } = await startBundled(t, { root: before.root })
  const mayPull = (name: string) => name === TEAM
  assert.equal(await uploads.mountFromAny(TEAM, DIGEST, mayPull, CONTEXT), true)
  assert.equal(await uploads.mountFromAny(OTHER, DIGEST, () => false, CONTEXT), false)
})

test('a mounted blob is read without a copy, and only from a repository that holds it', async (t) => {
  const bundled = await startBundled(t)
  await pushBlob(bundled, OTHER, BLOB)
  assert.equal(await bundled.uploads.mount(TEAM, DIGEST, repository('third'), CONTEXT), false)
  await assertNoBlob(bundled, DIGEST)
  assert.equal(await bundled.uploads.mount(TEAM, DIGEST, OTHER, CONTEXT), true)
  assert.deepEqual(await readBlob(bundled, TEAM, DIGEST), BYTES)
})

test('a deleted blob is gone from its repository alone', async (t) => {
  const bundled = await startBundled(t)
  await pushBlob(bundled, TEAM, BLOB)
  await pushBlob(bundled, OTHER, BLOB)
  await bundled.registry.deleteBlob(TEAM, DIGEST, CONTEXT)
  await assertNoBlob(bundled, DIGEST)
  await assert.rejects(bundled.registry.deleteBlob(TEAM, DIGEST, CONTEXT), { code: 'BLOB_UNKNOWN' })
  assert.deepEqual(await readBlob(bundled, OTHER, DIGEST), BYTES)
})

test('a blob that was cut short after it was opened fails before its first byte', async (t) => {
  const bundled = await startBundled(t)
  await pushBlob(bundled, TEAM, BLOB)
  const blob = await bundled.registry.openBlob(TEAM, DIGEST, CONTEXT)
  await truncate(join(bundled.root, blobDataPath(DIGEST)), 10)
  await assert.rejects(blob.read(), { code: 'BLOB_UNKNOWN' })
  blob.release()
})

/** The state that a kill just before the commit leaves. */
async function dieAtCommit({ driver }: Bundled, finish: () => Promise<void>): Promise<void> {
  driver.beforeCommit = () => {
    throw new Error('killed')
  }
  await assert.rejects(finish(), /killed/)
  driver.beforeCommit = undefined
}

/** What a commit does to the disk, and nothing after it. */
async function commitAndDie({ driver }: Bundled, id: string, digest = DIGEST): Promise<void> {
  await driver.copy(`${uploadFolder(TEAM, id)}/data`, blobDataPath(digest))
  await driver.delete(`${uploadFolder(TEAM, id)}/data`)
}

function brokenAfter(size: number) {
  async function* body() {
    yield BYTES.subarray(0, size)
    await Promise.resolve()
    throw new Error('the client hung up')
  }
  return { body: Readable.from(body(), { objectMode: false }) }
}

async function assertUnknown({ uploads }: Bundled, id: string): Promise<void> {
  const unknown = { code: 'BLOB_UPLOAD_UNKNOWN', status: 404 }
  await assert.rejects(uploads.status(TEAM, id, CONTEXT), unknown)
  await assert.rejects(uploads.append(TEAM, id, chunkOf(BYTES), CONTEXT), unknown)
  await assert.rejects(uploads.finish(TEAM, id, DIGEST, undefined, CONTEXT), unknown)
  await assert.rejects(uploads.cancel(TEAM, id, CONTEXT), unknown)
}

async function assertNoBlob({ registry }: Bundled, digest: Digest): Promise<void> {
  await assert.rejects(registry.statBlob(TEAM, digest, CONTEXT), { code: 'BLOB_UNKNOWN', status: 404 })
  await assert.rejects(registry.openBlob(TEAM, digest, CONTEXT), { code: 'BLOB_UNKNOWN', status: 404 })
}
