// Manifests, tags and referrers, as random commands: valid ones and such that have to be refused.
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { digestOf, type Digest, type DigestAlgorithm } from '../../../src/oci/digest.ts'
import { OCI_INDEX, OCI_MANIFEST } from '../../../src/oci/media-type.ts'
import { assertRefused, type Real } from './real.ts'
import { nth, repositoryAt, type ModelManifest, type ModelRepository, type World } from './world.ts'

type Command = fc.AsyncCommand<World, Real>

const UNKNOWN = digestOf('nothing that was ever pushed')
const TAGS = ['latest', 'v1', 'V1', 'x'.repeat(128)]
const ARTIFACT_TYPES = ['application/vnd.example.sbom', 'application/vnd.example.signature']
const number = fc.nat(1000)
const tag = fc.constantFrom(...TAGS)
const algorithm = fc.constantFrom('sha256' as const, 'sha512' as const)

interface Shape {
  readonly kind: 'image' | 'index'
  readonly seed: number
  readonly blobs: readonly number[]
  readonly children: readonly number[]
  readonly subject: number | null
  readonly artifactType: string | null
}

const shape: fc.Arbitrary<Shape> = fc.record({
  kind: fc.constantFrom('image', 'image', 'index'),
  seed: fc.nat(3),
  blobs: fc.array(number, { minLength: 1, maxLength: 3 }),
  children: fc.array(number, { maxLength: 2 }),
  subject: fc.option(number),
  artifactType: fc.option(fc.constantFrom(...ARTIFACT_TYPES)),
})

const CONFIG_TYPE = 'application/vnd.oci.image.config.v1+json'

function manifestOf(
  world: World,
  repository: ModelRepository,
  at: Shape,
): Omit<ModelManifest, 'digest'> & { blobs: Digest[] } {
  const held = [...repository.blobs]
  // Mostly of blobs that are here; one of them may have been deleted, or be held by another repository.
  const blobs = at.blobs.map(
    (each) => nth(each % 12 === 0 ? [...world.contents.keys()] : held, each) ?? UNKNOWN,
  )
  const describe = (digest: Digest, mediaType: string) => ({
    mediaType,
    digest,
    size: world.contents.get(digest)?.length ?? 1,
  })
  const children = at.children.map((each) => nth([...repository.manifests.keys()], each) ?? UNKNOWN)
  const subject =
    at.subject === null ? undefined : (nth([...repository.manifests.keys()], at.subject) ?? UNKNOWN)
  const [config = UNKNOWN, ...layers] = blobs
  const mediaType = at.kind === 'index' ? OCI_INDEX : OCI_MANIFEST
  const body = {
    schemaVersion: 2,
    mediaType,
    ...(at.kind === 'index'
      ? { manifests: children.map((digest) => describe(digest, OCI_MANIFEST)) }
      : {
          config: describe(config, CONFIG_TYPE),
          layers: layers.map((digest) => describe(digest, 'application/x.layer')),
        }),
    ...(subject === undefined ? {} : { subject: describe(subject, OCI_MANIFEST) }),
    ...(at.artifactType === null ? {} : { artifactType: at.artifactType }),
    annotations: { seed: String(at.seed) },
  }
  const artifactType = at.artifactType ?? (at.kind === 'image' ? CONFIG_TYPE : undefined)
  return {
    bytes: Buffer.from(JSON.stringify(body)),
    mediaType,
    blobs: at.kind === 'image' ? blobs : [],
    ...(subject === undefined ? {} : { subject }),
    ...(artifactType === undefined ? {} : { artifactType }),
  }
}

interface Target {
  /** What stands in the path; `digest`: the right one. */
  readonly by: 'tag' | 'digest' | 'wrong digest'
  readonly tag: string
  readonly algorithm: DigestAlgorithm
  /** Tags as parameters; they count in a push by digest. */
  readonly more: readonly string[]
}

const target: fc.Arbitrary<Target> = fc.record({
  by: fc.constantFrom('tag', 'tag', 'tag', 'digest', 'digest', 'digest', 'wrong digest'),
  tag,
  algorithm,
  more: fc.array(tag, { maxLength: 3 }),
})

const put = fc.tuple(number, shape, target).map(([at, what, to]): Command => ({
  check: () => true,
  toString: () => `put(${at}, ${JSON.stringify(what)}, ${JSON.stringify(to)})`,
  run: async (world, real) => {
    const repository = repositoryAt(world, at)
    const { blobs, ...manifest } = manifestOf(world, repository, what)
    const digest = digestOf(manifest.bytes, to.by === 'tag' ? 'sha256' : to.algorithm)
    const reference = to.by === 'tag' ? to.tag : to.by === 'digest' ? digest : UNKNOWN
    const query = to.more.length === 0 ? '' : `?${to.more.map((each) => `tag=${each}`).join('&')}`
    const answer = await real.ask(`/v2/${repository.name}/manifests/${reference}${query}`, {
      method: 'PUT',
      body: manifest.bytes,
      headers: { 'content-type': manifest.mediaType },
    })
    if (to.by === 'wrong digest') return assertRefused(answer, 400, 'DIGEST_INVALID')
    if (blobs.some((each) => !repository.blobs.has(each)))
      return assertRefused(answer, 400, 'MANIFEST_BLOB_UNKNOWN')
    assert.equal(answer.status, 201, answer.text())
    assert.equal(answer.headers['docker-content-digest'], digest)
    assert.equal(answer.headers['oci-subject'], manifest.subject)
    const tags = to.by === 'tag' ? [to.tag] : [...new Set(to.more)]
    const accepted = answer.headers['oci-tag']
    assert.deepEqual(accepted ?? '', to.by === 'tag' ? '' : tags.join(', '))
    repository.manifests.set(digest, { ...manifest, digest })
    repository.wasPushed = true
    for (const each of tags) repository.tags.set(each, digest)
  },
}))

const garbage = fc
  .tuple(number, fc.constantFrom('{', '[]', '{"schemaVersion":1}', '{}', ''))
  .map(([at, body]): Command => ({
    check: () => true,
    toString: () => `garbage(${at}, ${body})`,
    run: async (world, real) => {
      const path = `/v2/${repositoryAt(world, at).name}/manifests/latest`
      const headers = { 'content-type': OCI_MANIFEST }
      assertRefused(await real.ask(path, { method: 'PUT', body, headers }), 400, 'MANIFEST_INVALID')
    },
  }))

const get = fc
  .tuple(number, number, fc.option(tag), fc.boolean())
  .map(([at, what, named, login]): Command => ({
    check: () => true,
    toString: () => `get manifest(${at}, ${what}, ${named}, ${login})`,
    run: async (world, real) => {
      const repository = repositoryAt(world, at)
      const digest = named === null ? manifestAt(world, repository, what) : repository.tags.get(named)
      const manifest = digest && repository.manifests.get(digest)
      const path = `/v2/${repository.name}/manifests/${named ?? digest}`
      const [answer, head, fresh] = [
        await real.ask(path, { login }),
        await real.ask(path, { method: 'HEAD', login }),
        await real.ask(path, { login, headers: { 'if-none-match': `"${digest}"` } }),
      ]
      if (!login && !repository.isOpen) return assertRefused(answer, 401, 'UNAUTHORIZED')
      assert.equal(head.status, manifest ? 200 : 404)
      if (!manifest) return assertRefused(answer, 404, 'MANIFEST_UNKNOWN')
      assert.equal(fresh.status, 304)
      assert.equal(answer.headers['content-type'], manifest.mediaType)
      assert.equal(answer.headers['docker-content-digest'], digest)
      assert.equal(head.headers['content-length'], String(manifest.bytes.length))
      assert.ok(answer.body.equals(manifest.bytes))
    },
  }))

const remove = fc.tuple(number, number, fc.option(tag)).map(([at, what, named]): Command => ({
  check: () => true,
  toString: () => `delete manifest(${at}, ${what}, ${named})`,
  run: async (world, real) => {
    const repository = repositoryAt(world, at)
    const digest = manifestAt(world, repository, what)
    const path = `/v2/${repository.name}/manifests/${named ?? digest}`
    const answer = await real.ask(path, { method: 'DELETE' })
    const isThere = named === null ? repository.manifests.delete(digest) : repository.tags.delete(named)
    if (!isThere) return assertRefused(answer, 404, 'MANIFEST_UNKNOWN')
    assert.equal(answer.status, 202)
    if (named !== null) return
    for (const [each, points] of repository.tags) if (points === digest) repository.tags.delete(each)
  },
}))

const listTags = fc.tuple(number, fc.option(fc.nat(4)), fc.option(tag)).map(([at, limit, last]): Command => ({
  check: () => true,
  toString: () => `tags(${at}, ${limit}, ${last})`,
  run: async (world, real) => {
    const repository = repositoryAt(world, at)
    const query = new URLSearchParams()
    if (limit !== null) query.set('n', String(limit))
    if (last !== null) query.set('last', last)
    const answer = await real.ask(`/v2/${repository.name}/tags/list?${query.toString()}`)
    if (!repository.wasPushed) return assertRefused(answer, 404, 'NAME_UNKNOWN')
    const behind = [...repository.tags.keys()].filter((each) => each > (last ?? '')).toSorted()
    const page = behind.slice(0, limit ?? 1000)
    assert.deepEqual(answer.json(), { name: repository.name, tags: page })
    assert.equal(answer.headers.link !== undefined, limit !== 0 && page.length < behind.length)
  },
}))

const referrers = fc
  .tuple(number, number, fc.option(fc.constantFrom(...ARTIFACT_TYPES)), fc.boolean())
  .map(([at, what, artifactType, inPages]): Command => ({
    check: () => true,
    toString: () => `referrers(${at}, ${what}, ${artifactType}, ${inPages})`,
    run: async (world, real) => {
      const repository = repositoryAt(world, at)
      const subject = manifestAt(world, repository, what)
      const query = new URLSearchParams()
      if (artifactType !== null) query.set('artifactType', artifactType)
      if (inPages) query.set('n', '1')
      const found: { digest: string; artifactType?: string }[] = []
      let next: string | undefined = `/v2/${repository.name}/referrers/${subject}?${query.toString()}`
      while (next !== undefined) {
        const answer = await real.ask(next)
        assert.equal(answer.status, 200)
        assert.equal(answer.headers['content-type'], OCI_INDEX)
        assert.equal(
          answer.headers['oci-filters-applied'],
          artifactType === null ? undefined : 'artifactType',
        )
        found.push(...answer.json<{ manifests: typeof found }>().manifests)
        next = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers.link ?? ''))?.[1]
        if (!inPages) assert.equal(next, undefined)
      }
      const expected = [...repository.manifests.values()]
        .filter(
          (each) => each.subject === subject && (artifactType ?? each.artifactType) === each.artifactType,
        )
        .map(({ digest, artifactType: type }) => `${digest} ${type}`)
      assert.deepEqual(
        found.map((each) => `${each.digest} ${each.artifactType}`),
        expected.toSorted(),
      )
    },
  }))

/** Mostly a manifest of the repository, else one of another, or none at all. */
function manifestAt(world: World, { manifests }: ModelRepository, at: number): Digest {
  const held = at % 4 === 0 ? undefined : nth([...manifests.keys()], at >>> 2)
  const known = world.repositories.flatMap((each) => [...each.manifests.keys()])
  return held ?? nth([...known, UNKNOWN], at >>> 2) ?? UNKNOWN
}

export const MANIFEST_COMMANDS: fc.Arbitrary<Command>[] = [
  put,
  put,
  put,
  garbage,
  get,
  get,
  remove,
  listTags,
  referrers,
]
