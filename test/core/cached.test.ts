import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { ANONYMOUS } from '../../src/access/identity.ts'
import { ALONE } from '../../src/cache/change-bus.ts'
import { BundledRegistry } from '../../src/core/bundled/bundled-registry.ts'
import { CachedRegistry } from '../../src/core/cached.ts'
import { ManifestCache } from '../../src/core/manifest-cache.ts'
import { ReferenceCache } from '../../src/core/reference-cache.ts'
import type { Registry } from '../../src/core/registry.ts'
import { ACCEPT_ANYTHING } from '../../src/oci/accept.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { RegistryError } from '../../src/oci/error.ts'
import { OCI_INDEX } from '../../src/oci/media-type.ts'
import { parseTag, type Reference } from '../../src/oci/reference.ts'
import { parseRepositoryName } from '../../src/oci/repository-name.ts'
import { createStorageDriver } from '../../src/storage/create-driver.ts'
import { known } from '../support/known.ts'
import { temporaryFolder } from '../support/scope.ts'

const repository = known(parseRepositoryName('team-a/app'))
const neighbour = known(parseRepositoryName('team-b/app'))
const tag = known(parseTag('latest'))
const context = { identity: ANONYMOUS, accept: ACCEPT_ANYTHING, signal: new AbortController().signal }
const indexOf = (note: string) =>
  Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [], annotations: { note } }),
  )

/** A real registry on disk whose reads of manifests are counted, behind the caches. */
async function setUp(t: TestContext): Promise<{ registry: CachedRegistry; reads: Reference[] }> {
  const root = join(await temporaryFolder(t), 'data')
  const bundled = new BundledRegistry({ driver: createStorageDriver({ filesystem: { root } }) })
  const reads: Reference[] = []
  const counted: Registry = Object.assign(Object.create(bundled) as Registry, {
    getManifest: (...args: Parameters<Registry['getManifest']>) => {
      reads.push(args[1])
      return bundled.getManifest(args[0], args[1])
    },
    putManifest: bundled.putManifest.bind(bundled),
    deleteManifest: bundled.deleteManifest.bind(bundled),
    close: bundled.close.bind(bundled),
  })
  const manifests = new ManifestCache({ maxBytes: 1024 * 1024 })
  const references = new ReferenceCache({ route: 'main', maxBytes: 64 * 1024, bus: ALONE })
  const registry = new CachedRegistry(counted, { manifests, references })
  t.after(() => registry.close())
  return { registry, reads }
}

function push(registry: Registry, note: string, to: Reference = tag, into = repository) {
  return registry.putManifest(into, to, { mediaType: OCI_INDEX, bytes: indexOf(note) }, context)
}

test('a tag is read from the store once, also for many who ask at once', async (t) => {
  const { registry, reads } = await setUp(t)
  await push(registry, 'one')
  const answers = await Promise.all(Array.from({ length: 20 }, () => registry.getManifest(repository, tag)))
  assert.equal(reads.length, 1)
  assert.equal((await registry.getManifest(repository, tag)).cache, 'hit')
  assert.equal(reads.length, 1)
  assert.equal(new Set(answers.map(({ manifest }) => manifest.digest)).size, 1)
})

test('a push is seen by the next pull, and by digest without another read of the bytes', async (t) => {
  const { registry } = await setUp(t)
  await push(registry, 'one')
  await registry.getManifest(repository, tag)
  const { digest } = await push(registry, 'two')
  assert.equal((await registry.getManifest(repository, tag)).manifest.digest, digest)
  assert.equal((await registry.getManifest(repository, digest)).manifest.digest, digest)
})

test('a digest that is cached from one repository is not answered in another', async (t) => {
  const { registry } = await setUp(t)
  const { digest } = await push(registry, 'one')
  await registry.getManifest(repository, digest)
  await assert.rejects(registry.getManifest(neighbour, digest), RegistryError)
})

test('a deleted manifest is gone by tag and by digest', async (t) => {
  const { registry } = await setUp(t)
  const { digest } = await push(registry, 'one')
  await registry.getManifest(repository, tag)
  await registry.getManifest(repository, digest)
  await registry.deleteManifest(repository, digest, context)
  await assert.rejects(registry.getManifest(repository, tag), { code: 'MANIFEST_UNKNOWN' })
  await assert.rejects(registry.getManifest(repository, digest), { code: 'MANIFEST_UNKNOWN' })
})

test('an unknown manifest is not remembered as unknown', async (t) => {
  const { registry } = await setUp(t)
  await assert.rejects(registry.getManifest(repository, tag), RegistryError)
  await push(registry, 'one')
  assert.equal((await registry.getManifest(repository, tag)).manifest.digest, digestOf(indexOf('one')))
})
