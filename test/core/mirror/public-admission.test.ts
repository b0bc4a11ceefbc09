import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { ContentStore } from '../../../src/core/content/content-store.ts'
import { PublicAdmission } from '../../../src/core/mirror/public-admission.ts'
import { UpstreamDeniedError, UpstreamNotFoundError } from '../../../src/upstream/errors.ts'
import { createUpstreamClient } from '../../../src/upstream/create-upstream-client.ts'
import { parseReference, type Reference } from '../../../src/oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../../src/oci/repository-name.ts'
import { createStorageDriver } from '../../../src/storage/create-driver.ts'
import { startHub } from '../../support/hub.ts'
import { imageOf } from '../../support/images.ts'
import { atEnd, temporaryFolder } from '../../support/scope.ts'

const HOUR_MS = 60 * 60_000
const REPOSITORY = parsed(parseRepositoryName('acme/app'))

function parsed<T>(value: T | undefined): T {
  assert.ok(value !== undefined)
  return value
}

async function startAdmission(t: TestContext) {
  const hub = await startHub(t, { images: { 'acme/app:1': imageOf() } })
  const driver = createStorageDriver({ filesystem: { root: await temporaryFolder(t), fsync: false } })
  const client = createUpstreamClient({ url: hub.url })
  atEnd(t, () => client.close())
  atEnd(t, () => driver.close())
  const clock = { now: Date.parse('2026-10-01T00:00:00Z') }
  const admission = new PublicAdmission({
    client,
    content: new ContentStore(driver),
    nameOf: (repository: RepositoryName) => repository,
    isMirrorAnonymous: false,
    now: () => clock.now,
  })
  const admit = async (tag = '1') => {
    const manifest: Reference = parsed(parseReference(tag))
    await admission.admit(REPOSITORY, { manifest })
  }
  return { hub, admit, clock }
}

test('a repository that is private from now on is shown for an hour at most, and then to nobody', async (t) => {
  const { hub, admit, clock } = await startAdmission(t)
  await admit()
  hub.fail({ server: 'registry', path: /acme/ }, { kind: 'status', status: 403 })
  await admit()
  clock.now += HOUR_MS
  await assert.rejects(admit(), UpstreamDeniedError)
  // What it was once does not come back when the upstream is silent.
  clock.now += HOUR_MS
  await hub.down()
  await assert.rejects(admit())
})

test('an upstream that can not say leaves public what was public', async (t) => {
  const { hub, admit, clock } = await startAdmission(t)
  await admit()
  clock.now += 100 * HOUR_MS
  const fault = hub.fail({ server: 'registry' }, { kind: 'status', status: 503 })
  await admit()
  fault.remove()
  await hub.down()
  await admit()
})

test('a tag that is not there says nothing of its repository, and keeps nobody else out', async (t) => {
  const { admit } = await startAdmission(t)
  await admit('2')
  await admit('1')
})

test('a repository that is not there is asked for again at once', async (t) => {
  const { hub, admit } = await startAdmission(t)
  const fault = hub.fail({ server: 'registry', path: /acme/ }, { kind: 'status', status: 404 })
  await assert.rejects(admit(), UpstreamNotFoundError)
  fault.remove()
  await admit()
})

test('many who ask at once cost the upstream one question', async (t) => {
  const { hub, admit } = await startAdmission(t)
  await Promise.all(Array.from({ length: 20 }, () => admit()))
  assert.equal(
    hub.received({ server: 'registry', method: 'HEAD' }).filter(({ status }) => status === 200).length,
    1,
  )
})
