import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test, type TestContext } from 'node:test'
import { blobDataPath } from '../../src/core/content/layout.ts'
import { VerifiedReadsRegistry } from '../../src/core/verified-reads.ts'
import { digestOf, type Digest } from '../../src/oci/digest.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { CONTEXT, pushBlob, startBundled } from './bundled/bundled.ts'
import { repository } from './content/content.ts'

const TEAM = repository('team/app')
/** Several chunks. */
const BYTES = seededBytes('verified', 300_000)
const BLOB = { digest: digestOf(BYTES), bytes: BYTES }

async function startVerified(t: TestContext) {
  const bundled = await startBundled(t)
  await pushBlob(bundled, TEAM, BLOB)
  const damaged: Digest[] = []
  const registry = new VerifiedReadsRegistry(bundled.registry, {
    onDamaged: (_repository, digest) => damaged.push(digest),
  })
  return { registry, damaged, path: join(bundled.root, blobDataPath(BLOB.digest)) }
}

test('a blob that is right is read to its end', async (t) => {
  const { registry, damaged } = await startVerified(t)
  const blob = await registry.openBlob(TEAM, BLOB.digest, CONTEXT)
  assert.deepEqual(await buffer(await blob.read()), BYTES)
  assert.deepEqual(await buffer(await blob.read({ start: 0, end: BYTES.length - 1 })), BYTES)
  assert.deepEqual(damaged, [])
})

test('the end of a damaged blob is never given out, and somebody is told', async (t) => {
  const { registry, damaged, path } = await startVerified(t)
  const wrong = Buffer.from(BYTES)
  wrong[0] = (wrong[0] ?? 0) ^ 1
  await writeFile(path, wrong)
  const blob = await registry.openBlob(TEAM, BLOB.digest, CONTEXT)
  let received = 0
  await assert.rejects(
    async () => {
      for await (const chunk of await blob.read()) received += (chunk as Buffer).length
    },
    { code: 'BLOB_DAMAGED' },
  )
  assert.ok(received < BYTES.length)
  assert.deepEqual(damaged, [BLOB.digest])
})

test('a part of a blob is passed on unverified', async (t) => {
  const { registry, damaged, path } = await startVerified(t)
  await writeFile(path, Buffer.alloc(BYTES.length))
  const blob = await registry.openBlob(TEAM, BLOB.digest, CONTEXT)
  assert.equal((await buffer(await blob.read({ start: 5, end: 9 }))).length, 5)
  assert.deepEqual(damaged, [])
})

test('a reader that goes away lets go of the file', async (t) => {
  const { registry } = await startVerified(t)
  const blob = await registry.openBlob(TEAM, BLOB.digest, CONTEXT)
  const stream = await blob.read()
  for await (const _ of stream) break
  assert.ok(stream.destroyed)
})
