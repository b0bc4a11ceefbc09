// Sessions that nobody goes on with do not stay for ever; the others do.
import assert from 'node:assert/strict'
import { mkdir, readdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { SessionClaims } from '../../../src/core/bundled/session-claims.ts'
import { purgeUploads, UploadPurge, UPLOADS_PURGED } from '../../../src/core/bundled/upload-purge.ts'
import { uploadFolder } from '../../../src/core/content/layout.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { until } from '../../support/until.ts'
import { repository } from '../content/content.ts'
import { chunkOf, CONTEXT, startBundled, type Bundled } from './bundled.ts'

const TEAM = repository('team/app')
const DEEP = repository('a/b-c/d')
const WEEK_MS = 7 * 24 * 3600_000
const BYTES = Buffer.from('some bytes')

test('a session that was not touched for a week goes, one that was yesterday stays', async (t) => {
  const bundled = await startBundled(t)
  const [old, young] = [await sessionIn(bundled), await sessionIn(bundled)]
  await age(bundled, old, WEEK_MS + 60_000)
  await age(bundled, young, WEEK_MS - 60_000)
  assert.deepEqual(await purge(bundled), { purged: 1, failures: [] })
  await assert.rejects(bundled.uploads.status(TEAM, old, CONTEXT), { code: 'BLOB_UPLOAD_UNKNOWN' })
  assert.equal((await bundled.uploads.status(TEAM, young, CONTEXT)).offset, BYTES.length)
  assert.deepEqual(await readdir(join(bundled.root, 'docker/registry/v2/repositories/team/app/_uploads')), [
    young,
  ])
})

test('a session that was begun a week ago stays while chunks arrive', async (t) => {
  const bundled = await startBundled(t)
  const id = await sessionIn(bundled)
  await age(bundled, id, WEEK_MS + 60_000)
  await bundled.uploads.append(TEAM, id, chunkOf(BYTES), CONTEXT)
  assert.deepEqual(await purge(bundled), { purged: 0, failures: [] })
  await bundled.uploads.finish(TEAM, id, digestOf(Buffer.concat([BYTES, BYTES])), undefined, CONTEXT)
})

test('a session that a request works on stays, however old its files are', async (t) => {
  const bundled = await startBundled(t)
  const id = await sessionIn(bundled)
  const body = new PassThrough()
  const appending = bundled.uploads.append(TEAM, id, { body }, CONTEXT)
  const folder = join(bundled.root, uploadFolder(TEAM, id))
  await until('the request works', async () =>
    (await readdir(folder)).some((name) => name.startsWith('claim-')),
  )
  await age(bundled, id, WEEK_MS + 60_000)
  assert.deepEqual(await purge(bundled), { purged: 0, failures: [] })
  body.end(BYTES)
  assert.equal((await appending).offset, 2 * BYTES.length)
})

test('sessions of registry:2 go too, also in repositories that hold nothing yet, and nothing else does', async (t) => {
  const bundled = await startBundled(t)
  const id = '0190b3a5-1c7e-7d64-8d2c-2f6a4b1c9e10'
  const folder = join(bundled.root, uploadFolder(DEEP, id))
  await mkdir(join(folder, 'hashstates/sha256'), { recursive: true })
  await writeFile(join(folder, 'startedat'), '2024-01-01T00:00:00Z')
  await writeFile(join(folder, 'data'), 'bytes')
  await writeFile(join(folder, '../no-session'), 'not ours')
  await age(bundled, id, WEEK_MS + 60_000, DEEP)
  assert.deepEqual(await purge(bundled), { purged: 1, failures: [] })
  assert.deepEqual(await readdir(join(folder, '..')), ['no-session'])
})

test('the purge runs by itself, says what it did, and stops', async (t) => {
  const bundled = await startBundled(t)
  const id = await sessionIn(bundled)
  await age(bundled, id, 10_000)
  const reports: unknown[] = []
  const note = (message: unknown) => void reports.push(message)
  UPLOADS_PURGED.subscribe(note)
  t.after(() => UPLOADS_PURGED.unsubscribe(note))
  const { driver } = bundled
  const running = new UploadPurge({ driver, claims: new SessionClaims(driver), olderThanMs: 1000 })
  await until('the purge has run', () => reports.length > 0)
  await running.close()
  assert.deepEqual(reports, [{ purged: 1, failures: [] }])
})

function purge({ driver }: Bundled) {
  return purgeUploads({ driver, claims: new SessionClaims(driver), olderThanMs: WEEK_MS })
}

async function sessionIn({ uploads }: Bundled): Promise<string> {
  const { id } = await uploads.start(TEAM, {}, CONTEXT)
  await uploads.append(TEAM, id, chunkOf(BYTES), CONTEXT)
  return id
}

/** Sets back the times of all files of a session. */
async function age({ root }: Bundled, id: string, byMs: number, name = TEAM): Promise<void> {
  const folder = join(root, uploadFolder(name, id))
  const before = new Date(Date.now() - byMs)
  for (const file of await readdir(folder)) await utimes(join(folder, file), before, before)
}
