// Referrers that clients of registry:2 keep under a tag: found by the API, and kept in step.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Digest } from '../../../src/oci/digest.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { OCI_INDEX } from '../../../src/oci/media-type.ts'
import { referrersTag } from '../../../src/oci/referrers-tag.ts'
import { startDockerRegistry } from '../../support/docker-registry.ts'
import { send } from '../../support/http.ts'
import { describe, imageOf, type Content, type Image } from '../../support/images.ts'
import { repository } from '../content/content.ts'
import { bodyOf, CONTEXT, pushBlobs, startBundled, type Bundled } from './bundled.ts'

const TEAM = repository('team/app')
const SUBJECT = imageOf({ seed: 'subject' }).manifest
const [FIRST, SECOND, THIRD] = ['first', 'second', 'third'].map((seed) => imageOf({ seed, subject: SUBJECT }))

test('the tag of a sha512 subject is cut short as the specification says', () => {
  const subject = digestOf('subject', 'sha512')
  assert.equal(referrersTag(subject), `sha512-${subject.slice(7, 71)}`)
})

test('what was pushed to registry:2 with its referrers tag is listed, together with what is pushed here', async (t) => {
  assert.ok(FIRST && SECOND && THIRD)
  const theirs = await startDockerRegistry(t)
  const ours = await startBundled(t, { root: theirs.root })
  for (const image of [FIRST, SECOND]) {
    await pushBlobs(ours, TEAM, image)
    await sendManifest(theirs.url, image.manifest.digest, image.manifest)
  }
  await sendManifest(theirs.url, referrersTag(SUBJECT.digest), indexOver([FIRST, SECOND]))
  assert.deepEqual(await listed(ours), digestsOf([FIRST, SECOND]))
  await push(ours, THIRD)
  assert.deepEqual(await listed(ours), digestsOf([FIRST, SECOND, THIRD]))
  assert.deepEqual(await tagged(theirs.url), digestsOf([FIRST, SECOND, THIRD]))
  await ours.registry.deleteManifest(TEAM, SECOND.manifest.digest, CONTEXT)
  assert.deepEqual(await listed(ours), digestsOf([FIRST, THIRD]))
  assert.deepEqual(await tagged(theirs.url), digestsOf([FIRST, THIRD]))
})

test('pushes at the same time all get into the tagged index', async (t) => {
  const ours = await startBundled(t)
  const body = bodyOf(indexOver([]))
  await ours.registry.putManifest(TEAM, referrersTag(SUBJECT.digest), body, CONTEXT)
  const images = Array.from({ length: 8 }, (_, at) => imageOf({ seed: `at once ${at}`, subject: SUBJECT }))
  await Promise.all(images.map((image) => push(ours, image)))
  const { manifest } = await ours.registry.getManifest(TEAM, referrersTag(SUBJECT.digest), CONTEXT)
  assert.deepEqual(digestsIn(Buffer.from(manifest.bytes)), digestsOf(images))
})

test('where nobody made the tag, none is made', async (t) => {
  assert.ok(FIRST)
  const ours = await startBundled(t)
  await push(ours, FIRST)
  await assert.rejects(ours.registry.getManifest(TEAM, referrersTag(SUBJECT.digest), CONTEXT), {
    code: 'MANIFEST_UNKNOWN',
  })
})

async function push(ours: Bundled, image: Image): Promise<void> {
  await pushBlobs(ours, TEAM, image)
  await ours.registry.putManifest(TEAM, image.manifest.digest, bodyOf(image.manifest), CONTEXT)
}

async function listed({ registry }: Bundled): Promise<Digest[]> {
  const { descriptors } = await registry.listReferrers(TEAM, SUBJECT.digest, {}, CONTEXT)
  return descriptors.map(({ digest }) => digest)
}

async function tagged(url: string): Promise<string[]> {
  const path = `${url}/v2/${TEAM}/manifests/${referrersTag(SUBJECT.digest)}`
  return digestsIn((await send(path, { headers: { accept: OCI_INDEX } })).body)
}

function digestsIn(bytes: Buffer): string[] {
  return (JSON.parse(bytes.toString()) as { manifests: { digest: string }[] }).manifests.map(
    ({ digest }) => digest,
  )
}

function digestsOf(images: readonly Image[]): Digest[] {
  return images.map(({ manifest }) => manifest.digest).toSorted()
}

function indexOver(images: readonly Image[]): Content {
  const manifests = images.map(({ manifest }) => describe(manifest))
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests }))
  return { mediaType: OCI_INDEX, bytes, size: bytes.length, digest: digestOf(bytes) }
}

async function sendManifest(url: string, reference: string, { bytes, mediaType }: Content): Promise<void> {
  const headers = { 'content-type': mediaType }
  const put = await send(`${url}/v2/${TEAM}/manifests/${reference}`, { method: 'PUT', headers, body: bytes })
  assert.equal(put.status, 201, put.text())
}
