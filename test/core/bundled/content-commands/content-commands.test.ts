// Inspecting, deleting and rebuilding on real folders, also on what registry:2 has written.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { deleteContent, type DeleteRequest } from '../../../../src/core/bundled/content-commands/delete.ts'
import { inspectImage, summarizeRepository } from '../../../../src/core/bundled/content-commands/inspect.ts'
import {
  rebuildIndex,
  type RebuildReport,
} from '../../../../src/core/bundled/content-commands/rebuild-index.ts'
import { ContentStore } from '../../../../src/core/content/content-store.ts'
import { PullTimes } from '../../../../src/core/content/pull-times.ts'
import { TagRules, type TagRule } from '../../../../src/core/tag-rules.ts'
import { startDockerRegistry } from '../../../support/docker-registry.ts'
import { send } from '../../../support/http.ts'
import { describe, imageOf, multiArch, type Image } from '../../../support/images.ts'
import { repository, tag } from '../../content/content.ts'
import { bodyOf, CONTEXT, pushBlobs, startBundled, type Bundled } from '../bundled.ts'

const TEAM = repository('team/app')
const IMAGE = imageOf()
const SIGNATURE = imageOf({
  seed: 'signature',
  subject: describe(IMAGE.manifest),
  artifactType: 'application/vnd.example.signature',
})

type Store = Bundled & { readonly content: ContentStore }

async function start(t: TestContext): Promise<Store> {
  const bundled = await startBundled(t)
  return { ...bundled, content: new ContentStore(bundled.driver) }
}

async function push(store: Bundled, image: Image, name?: string): Promise<void> {
  await pushBlobs(store, TEAM, image)
  const reference = name === undefined ? image.manifest.digest : tag(name)
  await store.registry.putManifest(TEAM, reference, bodyOf(image.manifest), CONTEXT)
}

function remove(
  { content, registry }: Store,
  request: Partial<DeleteRequest>,
  rules: readonly TagRule[] = [],
  { allowsDelete = true, pulls = undefined as PullTimes | undefined } = {},
) {
  return deleteContent(
    {
      content,
      registry,
      rules: new TagRules(rules),
      readOnly: false,
      allowsDelete,
      alone: (_name, work) => work(),
      forget: async () => {},
      pulls,
    },
    { repository: TEAM, dryRun: false, force: false, ...request },
    CONTEXT,
  )
}

async function rebuild({ content }: Store): Promise<RebuildReport> {
  const steps = rebuildIndex({ content, alone: (_name, work) => work() })
  for (;;) {
    const { done, value } = await steps.next()
    if (done) return value
  }
}

test('an image is shown with its platform, parts, referrers, tags and the index that holds it', async (t) => {
  const store = await start(t)
  const index = multiArch()
  for (const image of index.images) await push(store, image)
  await store.registry.putManifest(TEAM, tag('multi'), bodyOf(index.manifest), CONTEXT)
  await push(store, IMAGE, 'v1')
  await push(store, SIGNATURE)
  const shown = await inspectImage(store.content, TEAM, tag('v1'))
  assert.deepEqual(shown.referrers, [
    { digest: SIGNATURE.manifest.digest, artifactType: 'application/vnd.example.signature' },
  ])
  assert.deepEqual(
    shown.parts.map(({ digest, present }) => [digest, present]),
    [[IMAGE.config.digest, true], ...IMAGE.layers.map((layer) => [layer.digest, true])],
  )
  const multi = await inspectImage(store.content, TEAM, tag('multi'))
  assert.deepEqual(multi.platforms, ['linux/amd64', 'linux/arm64'])
  const all = [index.manifest, ...index.images.flatMap((image) => [image.manifest, ...image.blobs])]
  assert.equal(
    multi.size,
    all.reduce((sum, { size }) => sum + size, 0),
  )
  const [child] = index.images
  assert.ok(child)
  assert.deepEqual((await inspectImage(store.content, TEAM, child.manifest.digest)).indexes, [
    index.manifest.digest,
  ])
  await assert.rejects(inspectImage(store.content, TEAM, tag('none')), { code: 'MANIFEST_UNKNOWN' })
  await assert.rejects(summarizeRepository(store.content, repository('no/app')), { code: 'NAME_UNKNOWN' })
})

test('a manifest that others refer to is refused by name, and deleted by force', async (t) => {
  const store = await start(t)
  await push(store, IMAGE, 'v1')
  await push(store, SIGNATURE)
  await assert.rejects(remove(store, { reference: IMAGE.manifest.digest }), {
    code: 'DENIED',
    message: new RegExp(`${SIGNATURE.manifest.digest} refers to it`),
  })
  const { tags, breaks } = await remove(store, { reference: IMAGE.manifest.digest, force: true })
  assert.deepEqual([tags, breaks], [['v1'], [SIGNATURE.manifest.digest]])
  await assert.rejects(store.registry.getManifest(TEAM, tag('v1'), CONTEXT), { code: 'MANIFEST_UNKNOWN' })
})

test('a dry run tells the same and removes nothing', async (t) => {
  const store = await start(t)
  await push(store, IMAGE, 'v1')
  const asked = { reference: IMAGE.manifest.digest, dryRun: true }
  const { tagCount, manifestCount } = await remove(store, asked)
  assert.deepEqual([tagCount, manifestCount], [1, 1])
  await remove(store, { dryRun: true })
  await store.registry.getManifest(TEAM, tag('v1'), CONTEXT)
})

test('what a protected tag leads to is not deleted, not by force and not with its repository', async (t) => {
  const store = await start(t)
  await push(store, IMAGE, 'v1')
  const rules = [{ repositories: ['**'], tags: ['v*'], immutable: true }]
  for (const reference of [tag('v1'), IMAGE.manifest.digest, undefined])
    await assert.rejects(remove(store, { reference, force: true }, rules), { code: 'DENIED' })
})

test('where deleting is switched off nothing is deleted, not even a repository as a whole', async (t) => {
  const store = await start(t)
  await push(store, IMAGE, 'v1')
  for (const reference of [tag('v1'), IMAGE.manifest.digest, undefined])
    await assert.rejects(remove(store, { reference, force: true }, [], { allowsDelete: false }), {
      code: 'UNSUPPORTED',
    })
})

test('a blob is not deleted by hand', async (t) => {
  const store = await start(t)
  await push(store, IMAGE, 'v1')
  await assert.rejects(remove(store, { reference: IMAGE.config.digest }), {
    code: 'MANIFEST_UNKNOWN',
    message: /is a blob/,
  })
})

test('a repository that was deleted is unknown, and can be pushed to again', async (t) => {
  const store = await start(t)
  await push(store, IMAGE, 'v1')
  await remove(store, {})
  await assert.rejects(store.registry.listTags(TEAM, { limit: 10 }, CONTEXT), { code: 'NAME_UNKNOWN' })
  assert.deepEqual((await store.registry.listRepositories({ limit: 10 }, CONTEXT)).items, [])
  await assert.rejects(remove(store, {}), { code: 'NAME_UNKNOWN' })
  await push(store, IMAGE, 'v1')
  await store.registry.getManifest(TEAM, tag('v1'), CONTEXT)
})

test('referrers that registry:2 took are listed after a rebuild, and those that it deleted no more', async (t) => {
  const store = await start(t)
  await push(store, IMAGE, 'v1')
  await pushBlobs(store, TEAM, SIGNATURE)
  const core = await startDockerRegistry(t, { root: store.root })
  const url = `${core.url}/v2/team/app/manifests/${SIGNATURE.manifest.digest}`
  const { mediaType, bytes } = SIGNATURE.manifest
  const put = await send(url, { method: 'PUT', headers: { 'Content-Type': mediaType }, body: bytes })
  assert.equal(put.status, 201)
  const listed = async () => {
    const { descriptors } = await store.registry.listReferrers(TEAM, IMAGE.manifest.digest, {}, CONTEXT)
    return descriptors.map(({ digest }) => digest)
  }
  assert.deepEqual(await listed(), [])
  assert.deepEqual(await rebuild(store), { repositories: 1, manifests: 2, added: 1, removed: 0 })
  assert.deepEqual(await listed(), [SIGNATURE.manifest.digest])
  assert.equal((await send(url, { method: 'DELETE' })).status, 202)
  assert.deepEqual(await rebuild(store), { repositories: 1, manifests: 1, added: 0, removed: 1 })
  assert.deepEqual(await rebuild(store), { repositories: 1, manifests: 1, added: 0, removed: 0 })
})

test('with a repository goes what was noted of its pulls, and nothing of those below it', async (t) => {
  const store = await start(t)
  await push(store, IMAGE, 'v1')
  const pulls = await PullTimes.open({ driver: store.driver })
  t.after(() => pulls.close())
  const below = repository('team/app/sub')
  for (const name of [TEAM, below]) pulls.note(name, tag('v1'))
  await pulls.flush()
  pulls.note(TEAM, IMAGE.manifest.digest)
  await remove(store, {}, [], { pulls })
  assert.equal(await pulls.last(TEAM, tag('v1')), undefined)
  assert.equal(await pulls.last(TEAM, IMAGE.manifest.digest), undefined)
  assert.notEqual(await pulls.last(below, tag('v1')), undefined)
})
