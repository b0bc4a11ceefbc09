// Manifests, tags, referrers and lists of the bundled registry.
import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { ContentStore } from '../../../src/core/content/content-store.ts'
import { blobDataPath } from '../../../src/core/content/layout.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../../../src/oci/media-type.ts'
import { contentOf, imageOf, multiArch } from '../../support/images.ts'
import { repository, tag } from '../content/content.ts'
import { bodyOf, CONTEXT, pushBlobs, startBundled } from './bundled.ts'

const TEAM = repository('team/app')
const OTHER = repository('team/other')

test('a pushed image is pulled by tag and by digest, byte for byte', async (t) => {
  const bundled = await startBundled(t)
  const image = imageOf({ layers: 3 })
  await pushBlobs(bundled, TEAM, image)
  const put = await bundled.registry.putManifest(TEAM, tag('v1'), bodyOf(image.manifest), CONTEXT)
  assert.deepEqual(put, { digest: image.manifest.digest })
  for (const reference of [tag('v1'), image.manifest.digest]) {
    const { manifest, cache } = await bundled.registry.getManifest(TEAM, reference, CONTEXT)
    assert.equal(manifest.digest, image.manifest.digest)
    assert.equal(manifest.mediaType, OCI_MANIFEST)
    assert.deepEqual(manifest.bytes, image.manifest.bytes)
    assert.equal(cache, 'none')
  }
})

test('an index may name manifests that were not pushed, and Docker types stay what they are', async (t) => {
  const { registry } = await startBundled(t)
  const index = multiArch({ docker: true })
  await registry.putManifest(TEAM, tag('v1'), bodyOf(index.manifest), CONTEXT)
  const { manifest } = await registry.getManifest(TEAM, tag('v1'), CONTEXT)
  assert.equal(manifest.mediaType, index.manifest.mediaType)
})

test('an image whose blobs are not in this repository is refused with the missing digest', async (t) => {
  const bundled = await startBundled(t)
  const image = imageOf()
  await pushBlobs(bundled, OTHER, image)
  await assert.rejects(bundled.registry.putManifest(TEAM, tag('v1'), bodyOf(image.manifest), CONTEXT), {
    code: 'MANIFEST_BLOB_UNKNOWN',
    status: 400,
    detail: { digest: image.config.digest },
  })
  await assert.rejects(bundled.registry.getManifest(TEAM, tag('v1'), CONTEXT), { code: 'MANIFEST_UNKNOWN' })
})

test('a layer that stays with a third party need not be pushed', async (t) => {
  const bundled = await startBundled(t)
  const image = imageOf()
  await pushBlobs(bundled, TEAM, image)
  const foreign = {
    mediaType: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    digest: digestOf('elsewhere'),
    size: 9,
  }
  const manifest = jsonManifest({ ...jsonOf(image.manifest.bytes), layers: [foreign] })
  await bundled.registry.putManifest(TEAM, tag('v1'), bodyOf(manifest), CONTEXT)
})

test('bytes that do not have the digest they are pushed under are refused', async (t) => {
  const bundled = await startBundled(t)
  const image = imageOf()
  await pushBlobs(bundled, TEAM, image)
  const wrong = digestOf('something else')
  await assert.rejects(bundled.registry.putManifest(TEAM, wrong, bodyOf(image.manifest), CONTEXT), {
    code: 'DIGEST_INVALID',
    status: 400,
  })
})

test('a manifest is kept under the sha512 digest it is pushed by', async (t) => {
  const bundled = await startBundled(t)
  const image = imageOf()
  await pushBlobs(bundled, TEAM, image)
  const digest = digestOf(image.manifest.bytes, 'sha512')
  const put = await bundled.registry.putManifest(TEAM, digest, bodyOf(image.manifest), CONTEXT)
  assert.equal(put.digest, digest)
  const { manifest } = await bundled.registry.getManifest(TEAM, digest, CONTEXT)
  assert.equal(manifest.digest, digest)
  assert.deepEqual(manifest.bytes, image.manifest.bytes)
})

test('schema 1, what is no manifest, and a type that the bytes do not name are refused', async (t) => {
  const { registry } = await startBundled(t)
  const put = (body: string, mediaType?: string) =>
    registry.putManifest(TEAM, tag('v1'), { mediaType, bytes: Buffer.from(body) }, CONTEXT)
  const refused = { code: 'MANIFEST_INVALID', status: 400 }
  await assert.rejects(put('{"schemaVersion":1,"fsLayers":[]}'), refused)
  await assert.rejects(put('no json'), refused)
  await assert.rejects(put('{}', OCI_MANIFEST), refused)
  await assert.rejects(put('{"schemaVersion":2,"manifests":[]}', OCI_MANIFEST), refused)
  const list = 'application/vnd.docker.distribution.manifest.list.v2+json'
  await assert.rejects(put('{"schemaVersion":2,"manifests":[]}', list), refused)
  await put('{"schemaVersion":2,"manifests":[]}', OCI_INDEX)
})

test('a tag that moves leaves the manifest before reachable by digest', async (t) => {
  const { registry } = await startBundled(t)
  const [first, second] = [multiArch({ seed: 'first' }), multiArch({ seed: 'second' })]
  await registry.putManifest(TEAM, tag('v1'), bodyOf(first.manifest), CONTEXT)
  await registry.putManifest(TEAM, tag('v1'), bodyOf(second.manifest), CONTEXT)
  const now = await registry.getManifest(TEAM, tag('v1'), CONTEXT)
  assert.equal(now.manifest.digest, second.manifest.digest)
  await registry.getManifest(TEAM, first.manifest.digest, CONTEXT)
})

test('deleting a manifest takes every tag that points to it, and only those', async (t) => {
  const { registry } = await startBundled(t)
  const [first, second] = [multiArch({ seed: 'first' }), multiArch({ seed: 'second' })]
  for (const name of ['a', 'b']) await registry.putManifest(TEAM, tag(name), bodyOf(first.manifest), CONTEXT)
  await registry.putManifest(TEAM, tag('c'), bodyOf(second.manifest), CONTEXT)
  await registry.deleteManifest(TEAM, first.manifest.digest, CONTEXT)
  const gone = { code: 'MANIFEST_UNKNOWN', status: 404 }
  await assert.rejects(registry.getManifest(TEAM, first.manifest.digest, CONTEXT), gone)
  await assert.rejects(registry.getManifest(TEAM, tag('a'), CONTEXT), gone)
  await assert.rejects(registry.deleteManifest(TEAM, first.manifest.digest, CONTEXT), gone)
  assert.deepEqual((await registry.listTags(TEAM, { limit: 10 }, CONTEXT)).items, ['c'])
})

test('deleting a tag leaves its manifest and the other tags', async (t) => {
  const { registry } = await startBundled(t)
  const { manifest } = multiArch()
  for (const name of ['a', 'b']) await registry.putManifest(TEAM, tag(name), bodyOf(manifest), CONTEXT)
  await registry.deleteManifest(TEAM, tag('a'), CONTEXT)
  await assert.rejects(registry.getManifest(TEAM, tag('a'), CONTEXT), { code: 'MANIFEST_UNKNOWN' })
  await assert.rejects(registry.deleteManifest(TEAM, tag('a'), CONTEXT), { code: 'MANIFEST_UNKNOWN' })
  await registry.getManifest(TEAM, tag('b'), CONTEXT)
  await registry.getManifest(TEAM, manifest.digest, CONTEXT)
})

test('where deleting is switched off, nothing is deleted', async (t) => {
  const { registry } = await startBundled(t, { delete: false })
  const { manifest } = multiArch()
  await registry.putManifest(TEAM, tag('v1'), bodyOf(manifest), CONTEXT)
  const refused = { code: 'UNSUPPORTED', status: 405 }
  await assert.rejects(registry.deleteManifest(TEAM, tag('v1'), CONTEXT), refused)
  await assert.rejects(registry.deleteManifest(TEAM, manifest.digest, CONTEXT), refused)
  await assert.rejects(registry.deleteBlob(TEAM, manifest.digest, CONTEXT), refused)
  await registry.getManifest(TEAM, tag('v1'), CONTEXT)
})

test('the tags of an unknown repository are NAME_UNKNOWN, those of a known one without tags an empty list', async (t) => {
  const { registry } = await startBundled(t)
  await assert.rejects(registry.listTags(TEAM, { limit: 10 }, CONTEXT), { code: 'NAME_UNKNOWN', status: 404 })
  const { manifest } = multiArch()
  await registry.putManifest(TEAM, manifest.digest, bodyOf(manifest), CONTEXT)
  assert.deepEqual(await registry.listTags(TEAM, { limit: 10 }, CONTEXT), { items: [], more: false })
  assert.deepEqual((await registry.listRepositories({ limit: 10 }, CONTEXT)).items, ['team/app'])
})

test('referrers are listed with their type and annotations, whether their subject exists or not', async (t) => {
  const bundled = await startBundled(t)
  const subject = contentOf(OCI_MANIFEST, Buffer.from('never pushed'))
  const typed = imageOf({
    seed: 'sbom',
    subject,
    artifactType: 'application/sbom',
    annotations: { by: 'us' },
  })
  const untyped = imageOf({ seed: 'plain', subject })
  for (const image of [typed, untyped]) {
    await pushBlobs(bundled, TEAM, image)
    const put = await bundled.registry.putManifest(
      TEAM,
      image.manifest.digest,
      bodyOf(image.manifest),
      CONTEXT,
    )
    assert.equal(put.subject, subject.digest)
  }
  const typedDescriptor = {
    mediaType: OCI_MANIFEST,
    digest: typed.manifest.digest,
    size: typed.manifest.size,
    artifactType: 'application/sbom',
    annotations: { by: 'us' },
  }
  const untypedDescriptor = {
    mediaType: OCI_MANIFEST,
    digest: untyped.manifest.digest,
    size: untyped.manifest.size,
    artifactType: untyped.config.mediaType,
  }
  const list = (filter: { artifactType?: string }) =>
    bundled.registry.listReferrers(TEAM, subject.digest, filter, CONTEXT)
  const both = [typedDescriptor, untypedDescriptor].toSorted((a, b) => (a.digest < b.digest ? -1 : 1))
  assert.deepEqual(await list({}), { descriptors: both, filtered: false })
  assert.deepEqual(await list({ artifactType: 'application/sbom' }), {
    descriptors: [typedDescriptor],
    filtered: true,
  })
  assert.deepEqual(await list({ artifactType: 'x/y' }), { descriptors: [], filtered: true })
})

test('an index without artifactType is listed without one', async (t) => {
  const { registry } = await startBundled(t)
  const subject = { mediaType: OCI_MANIFEST, digest: digestOf('subject'), size: 7 }
  const index = jsonManifest({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [], subject })
  await registry.putManifest(TEAM, tag('v1'), { mediaType: OCI_INDEX, bytes: index.bytes }, CONTEXT)
  const { descriptors } = await registry.listReferrers(TEAM, subject.digest, {}, CONTEXT)
  assert.deepEqual(descriptors, [{ mediaType: OCI_INDEX, digest: index.digest, size: index.size }])
})

test('a deleted manifest is a referrer no more', async (t) => {
  const { registry, driver } = await startBundled(t)
  const subject = { mediaType: OCI_MANIFEST, digest: digestOf('subject'), size: 7 }
  const index = jsonManifest({ schemaVersion: 2, mediaType: OCI_INDEX, manifests: [], subject })
  const body = { mediaType: OCI_INDEX, bytes: index.bytes }
  const { digest } = await registry.putManifest(TEAM, tag('v1'), body, CONTEXT)
  await registry.deleteManifest(TEAM, digest, CONTEXT)
  const { descriptors } = await registry.listReferrers(TEAM, subject.digest, {}, CONTEXT)
  assert.deepEqual(descriptors, [])
  for await (const entry of new ContentStore(driver).referrers.list(TEAM, subject.digest)) assert.fail(entry)
})

test('a damaged manifest is not there, can be deleted, and is healed by a push', async (t) => {
  const { registry, root } = await startBundled(t)
  const { manifest } = multiArch()
  await registry.putManifest(TEAM, tag('v1'), bodyOf(manifest), CONTEXT)
  await writeFile(join(root, blobDataPath(manifest.digest)), 'damaged')
  await assert.rejects(registry.getManifest(TEAM, tag('v1'), CONTEXT), {
    code: 'MANIFEST_UNKNOWN',
    message: /damaged/,
  })
  await registry.putManifest(TEAM, tag('v1'), bodyOf(manifest), CONTEXT)
  await registry.getManifest(TEAM, tag('v1'), CONTEXT)
  await writeFile(join(root, blobDataPath(manifest.digest)), 'damaged')
  await registry.deleteManifest(TEAM, manifest.digest, CONTEXT)
})

test('a tag whose manifest is gone from the disk is unknown', async (t) => {
  const { registry, root } = await startBundled(t)
  const { manifest } = multiArch()
  await registry.putManifest(TEAM, tag('v1'), bodyOf(manifest), CONTEXT)
  await rm(dirname(join(root, blobDataPath(manifest.digest))), { recursive: true })
  await assert.rejects(registry.getManifest(TEAM, tag('v1'), CONTEXT), { code: 'MANIFEST_UNKNOWN' })
})

function jsonManifest(json: object) {
  return contentOf(OCI_MANIFEST, Buffer.from(JSON.stringify(json)))
}

function jsonOf(bytes: Buffer): object {
  return JSON.parse(bytes.toString()) as object
}
