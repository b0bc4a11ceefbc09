// Mirrors share memory and a store: what one upstream delivered, another must not be able to show by its word alone.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManifestCache } from '../../../src/core/manifest-cache.ts'
import type { RepositoryName } from '../../../src/oci/repository-name.ts'
import { repository } from '../../upstream/names.ts'
import { startScriptedServer } from '../../upstream/scripted-server.ts'
import { startHub } from '../../support/hub.ts'
import { imageOf } from '../../support/images.ts'
import { known } from '../../support/known.ts'
import { temporaryFolder, type Scope } from '../../support/scope.ts'
import { until } from '../../support/until.ts'
import { ALPINE, CONTEXT, mirrored, readBlob, startMirror, type MirrorFixture } from './mirror-fixture.ts'

const image = imageOf({ seed: 'private' })
const layer = known(image.layers[0])
const { digest } = image.manifest
const COPY = mirrored('library/copy')
const EVIL: RepositoryName = repository('evil/x')

/** Says yes to every HEAD, and has nothing. */
function startLiar(t: Scope) {
  return startScriptedServer(t, (req, res) => {
    if (req.method === 'HEAD')
      res.writeHead(200, { 'content-length': layer.size, 'content-type': 'application/octet-stream' }).end()
    else res.writeHead(404).end()
  })
}

/** A mirror of the Hub and one of another upstream on the same store and with the same memory. */
async function startBoth(t: Scope, hub: string, other: string) {
  const shared = {
    root: await temporaryFolder(t),
    manifests: new ManifestCache({ maxBytes: 1024 * 1024 }),
  }
  return {
    mirror: await startMirror(t, hub, shared),
    evil: await startMirror(t, other, { ...shared, rewrite: { from: 'evil/', to: '' } }),
  }
}

async function fill({ registry, content }: MirrorFixture): Promise<void> {
  await registry.getManifest(ALPINE, digest)
  await readBlob(await registry.openBlob(ALPINE, layer.digest, CONTEXT))
  await until('the blob is kept', () => content.blobs.find(ALPINE, layer.digest))
}

test('an upstream that only says it has a manifest does not show the one that another delivered', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:1': image } })
  const { mirror, evil } = await startBoth(t, hub.url, (await startLiar(t)).url)
  await fill(mirror)
  await assert.rejects(evil.registry.getManifest(EVIL, digest), { code: 'MANIFEST_UNKNOWN' })
})

test('an upstream that only says it has a blob does not show the one that another delivered', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:1': image } })
  const { mirror, evil } = await startBoth(t, hub.url, (await startLiar(t)).url)
  await fill(mirror)
  await assert.rejects(evil.registry.openBlob(EVIL, layer.digest, CONTEXT), { code: 'BLOB_UNKNOWN' })
})

test('an upstream that has the same content is asked for it once, and then believed', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:1': image } })
  const other = await startHub(t, { images: { 'x:1': image, 'y:1': image } })
  const { mirror, evil } = await startBoth(t, hub.url, other.url)
  await fill(mirror)
  assert.equal((await evil.registry.getManifest(EVIL, digest)).cache, 'miss')
  const blob = await evil.registry.openBlob(EVIL, layer.digest, CONTEXT)
  assert.equal(blob.cache, 'miss')
  assert((await readBlob(blob)).equals(layer.bytes))
  await until('the blob is kept', () => evil.content.blobs.find(EVIL, layer.digest))
  const second = repository('evil/y')
  assert.equal((await evil.registry.getManifest(second, digest)).cache, 'revalidated')
  const again = await evil.registry.openBlob(second, layer.digest, CONTEXT)
  assert.equal(again.cache, 'revalidated')
  assert((await readBlob(again)).equals(layer.bytes))
})

test('what an upstream delivered is known after a restart', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:1': image, 'library/copy:1': image } })
  const first = await startMirror(t, hub.url)
  await fill(first)
  await first.registry.close()
  const { registry } = await startMirror(t, hub.url, { root: first.root })
  assert.equal((await registry.getManifest(COPY, digest)).cache, 'revalidated')
  const blob = await registry.openBlob(COPY, layer.digest, CONTEXT)
  assert.equal(blob.cache, 'revalidated')
  blob.release()
})
