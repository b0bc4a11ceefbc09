// Immutable and protected tags, and a registry that is read-only.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { BundledRegistry } from '../../src/core/bundled/bundled-registry.ts'
import { tagsLeadingTo } from '../../src/core/bundled/index-tree.ts'
import { ProtectedRegistry } from '../../src/core/protected.ts'
import { TagRules, type TagRule } from '../../src/core/tag-rules.ts'
import { imageOf, multiArch } from '../support/images.ts'
import { temporaryFolder } from '../support/scope.ts'
import { bodyOf, chunkOf, CONTEXT, pushBlobs, TamperedDriver, type Bundled } from './bundled/bundled.ts'
import { repository, tag } from './content/content.ts'

const TEAM = repository('team/app')
const FREE = repository('other/app')
const ONE = imageOf({ seed: 'one' })
const TWO = imageOf({ seed: 'two' })

/** A registry under rules, and the same without them. */
async function startProtected(
  t: TestContext,
  rules: readonly TagRule[],
  { readOnly = false } = {},
): Promise<{ registry: ProtectedRegistry; free: Bundled }> {
  const root = await temporaryFolder(t)
  const driver = new TamperedDriver({ root, fsync: false })
  const bundled = new BundledRegistry({ driver })
  const { content } = bundled
  const tags = {
    resolve: content.tags.resolve.bind(content.tags),
    leadingTo: (...args: Parameters<ProtectedTagsOf>) => tagsLeadingTo(content, ...args),
  }
  const registry = new ProtectedRegistry(bundled, { readOnly, rules: new TagRules(rules), tags })
  const free = { registry: bundled, uploads: bundled.uploads, driver, root }
  for (const image of [ONE, TWO]) for (const name of [TEAM, FREE]) await pushBlobs(free, name, image)
  return { registry, free }
}

type ProtectedTagsOf = ConstructorParameters<typeof ProtectedRegistry>[1]['tags']['leadingTo']

const VERSIONS_ARE_IMMUTABLE = [{ repositories: ['team/**'], tags: ['v*'], immutable: true }]

test('an immutable tag takes its content once, the same content again, and no other', async (t) => {
  const { registry } = await startProtected(t, VERSIONS_ARE_IMMUTABLE)
  const put = (image: typeof ONE, to: string, name = TEAM) =>
    registry.putManifest(name, tag(to), bodyOf(image.manifest), CONTEXT)
  await put(ONE, 'v1')
  await put(ONE, 'v1')
  await assert.rejects(put(TWO, 'v1'), {
    code: 'DENIED',
    status: 403,
    message: `the tag v1 is immutable and points to ${ONE.manifest.digest}: push under another tag`,
    detail: { tag: 'v1' },
  })
  await put(TWO, 'v2')
  await put(ONE, 'latest')
  await put(TWO, 'latest')
  await put(ONE, 'v1', FREE)
  await put(TWO, 'v1', FREE)
})

test('of pushes of different content to a new immutable tag at one moment, one wins', async (t) => {
  const { registry } = await startProtected(t, VERSIONS_ARE_IMMUTABLE)
  const outcomes = await Promise.allSettled(
    [ONE, TWO].map((image) => registry.putManifest(TEAM, tag('v1'), bodyOf(image.manifest), CONTEXT)),
  )
  assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
})

test('a push by digest cannot move an immutable tag along', async (t) => {
  const { registry } = await startProtected(t, VERSIONS_ARE_IMMUTABLE)
  await registry.putManifest(TEAM, tag('v1'), bodyOf(ONE.manifest), CONTEXT)
  const moved = { ...bodyOf(TWO.manifest), tags: [tag('latest'), tag('v1')] }
  await assert.rejects(registry.putManifest(TEAM, TWO.manifest.digest, moved, CONTEXT), { code: 'DENIED' })
  await assert.rejects(registry.getManifest(TEAM, tag('latest'), CONTEXT), { code: 'MANIFEST_UNKNOWN' })
})

test('an immutable tag is not removed, by its name or by the digest of what it leads to', async (t) => {
  const { registry, free } = await startProtected(t, VERSIONS_ARE_IMMUTABLE)
  const index = multiArch()
  for (const image of index.images) {
    await pushBlobs(free, TEAM, image)
    await registry.putManifest(TEAM, image.manifest.digest, bodyOf(image.manifest), CONTEXT)
  }
  await registry.putManifest(TEAM, tag('v1'), bodyOf(index.manifest), CONTEXT)
  await registry.putManifest(TEAM, tag('latest'), bodyOf(ONE.manifest), CONTEXT)
  const [child] = index.images
  assert.ok(child)
  for (const reference of [tag('v1'), index.manifest.digest, child.manifest.digest])
    await assert.rejects(registry.deleteManifest(TEAM, reference, CONTEXT), { code: 'DENIED' })
  await assert.rejects(registry.deleteBlob(TEAM, child.config.digest, CONTEXT), { code: 'DENIED' })
  await registry.deleteManifest(TEAM, tag('latest'), CONTEXT)
  await registry.deleteManifest(TEAM, ONE.manifest.digest, CONTEXT)
  await registry.deleteBlob(FREE, ONE.config.digest, CONTEXT)
})

test('a protected tag may be moved and not be removed', async (t) => {
  const { registry } = await startProtected(t, [{ repositories: ['**'], tags: ['main'], protected: true }])
  await registry.putManifest(TEAM, tag('main'), bodyOf(ONE.manifest), CONTEXT)
  await registry.putManifest(TEAM, tag('main'), bodyOf(TWO.manifest), CONTEXT)
  await assert.rejects(registry.deleteManifest(TEAM, tag('main'), CONTEXT), { code: 'DENIED' })
  await registry.deleteManifest(TEAM, ONE.manifest.digest, CONTEXT)
})

test('a read-only registry answers pulls, and 405 to every write', async (t) => {
  const { registry, free } = await startProtected(t, [], { readOnly: true })
  await free.registry.putManifest(TEAM, tag('v1'), bodyOf(ONE.manifest), CONTEXT)
  const { uploads } = registry
  assert.ok(uploads && free.registry.uploads)
  const { id } = await free.registry.uploads.start(TEAM, {}, CONTEXT)
  const { digest } = ONE.config
  const refused = { code: 'UNSUPPORTED', status: 405, headers: { Allow: 'GET, HEAD' } }
  for (const write of [
    () => registry.putManifest(TEAM, tag('v2'), bodyOf(ONE.manifest), CONTEXT),
    () => registry.deleteManifest(TEAM, tag('v1'), CONTEXT),
    () => registry.deleteBlob(TEAM, digest, CONTEXT),
    () => uploads.start(TEAM, {}, CONTEXT),
    () => uploads.append(TEAM, id, chunkOf(Buffer.from('x')), CONTEXT),
    () => uploads.finish(TEAM, id, digest, undefined, CONTEXT),
    () => uploads.cancel(TEAM, id, CONTEXT),
    () => uploads.mount(TEAM, digest, FREE, CONTEXT),
    () => uploads.mountFromAny(TEAM, digest, () => true, CONTEXT),
  ])
    await assert.rejects(write, refused)
  assert.equal((await registry.getManifest(TEAM, tag('v1'), CONTEXT)).manifest.digest, ONE.manifest.digest)
  assert.equal((await uploads.status(TEAM, id, CONTEXT)).offset, 0)
})
