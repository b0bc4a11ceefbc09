import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Identity } from '../../../src/access/identity.ts'
import type { RequestContext } from '../../../src/core/registry.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { parseRepositoryName } from '../../../src/oci/repository-name.ts'
import { known } from '../../support/known.ts'
import { chunkOf, CONTEXT, startBundled } from './bundled.ts'

const TEAM = known(parseRepositoryName('team/app'))
const BYTES = Buffer.from('the bytes of a blob')
const DIGEST = digestOf(BYTES)

const as = (name: string, method: Identity['method'] = 'basic'): RequestContext => ({
  ...CONTEXT,
  identity: { name, method },
})
const unknown = { code: 'BLOB_UPLOAD_UNKNOWN', status: 404 }

test('who learns of the URL of an upload can neither look at it, nor write to it, nor end it', async (t) => {
  const { uploads } = await startBundled(t)
  const { id } = await uploads.start(TEAM, {}, as('alice'))
  await uploads.append(TEAM, id, chunkOf(BYTES.subarray(0, 4)), as('alice'))
  for (const other of [as('bob'), as('Alice'), as('ldap:alice'), as('anonymous'), CONTEXT]) {
    await assert.rejects(uploads.status(TEAM, id, other), unknown)
    await assert.rejects(uploads.append(TEAM, id, chunkOf(BYTES), other), unknown)
    await assert.rejects(uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES), other), unknown)
    await assert.rejects(uploads.cancel(TEAM, id, other), unknown)
  }
  await uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES.subarray(4)), as('alice'))
})

test('what is refused to another looks like what does not exist', async (t) => {
  const { uploads } = await startBundled(t)
  const { id } = await uploads.start(TEAM, {}, as('alice'))
  const failure = (other: string) =>
    uploads.status(TEAM, other, as('bob')).catch((error: unknown) => JSON.stringify(error))
  assert.equal(await failure(id), await failure('00000000-0000-4000-8000-000000000000'))
})

test('the same account goes on with another credential, on another connection, in another process', async (t) => {
  const first = await startBundled(t)
  const { id } = await first.uploads.start(TEAM, {}, as('alice', 'basic'))
  await first.uploads.append(TEAM, id, chunkOf(BYTES.subarray(0, 4)), as('alice', 'bearer'))
  const second = await startBundled(t, { root: first.root })
  assert.equal((await second.uploads.status(TEAM, id, as('alice', 'bearer'))).offset, 4)
  await assert.rejects(second.uploads.status(TEAM, id, as('bob')), unknown)
  await second.uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES.subarray(4)), as('alice', 'certificate'))
})

test('an anonymous session is for callers who did not log in', async (t) => {
  const { uploads } = await startBundled(t)
  const { id } = await uploads.start(TEAM, {}, CONTEXT)
  await assert.rejects(uploads.status(TEAM, id, as('bob')), unknown)
  await uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES), CONTEXT)
})

test('a session without an owner, as older versions began them, is gone on with', async (t) => {
  const { uploads, root } = await startBundled(t)
  const { id } = await uploads.start(TEAM, {}, as('alice'))
  const file = join(root, 'docker/registry/v2/repositories', TEAM, '_uploads', id, 'dockgate.json')
  const { owner, ...state }: Record<string, unknown> = JSON.parse(await readFile(file, 'utf8'))
  assert.equal(typeof owner, 'string')
  assert.doesNotMatch(String(owner), /alice/)
  await writeFile(file, JSON.stringify(state))
  await uploads.finish(TEAM, id, DIGEST, chunkOf(BYTES), as('bob'))
})
