// What the next distribution-spec adds, and the rest that is easily left out: tags as parameters, pages of referrers, mounts.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { digestOf } from '../../src/oci/digest.ts'
import { startDockerRegistry } from '../support/docker-registry.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { send, type Answer, type RequestOptions } from '../support/http.ts'
import { contentOf, imageOf, type Content, type Image } from '../support/images.ts'
import { fileScope } from '../support/scope.ts'

const alice = { account: { username: 'alice', password: 'alice-secret' } }
const bob = { account: { username: 'bob', password: 'bob-secret' } }
const INDEX = 'application/vnd.oci.image.index.v1+json'

const scope = fileScope()
let gateway: RunningGateway
let core: string

before(async () => {
  const registry = await startDockerRegistry(scope)
  core = registry.url
  gateway = await startGateway(scope, {
    config: {
      listen: [{ address: '127.0.0.1:0' }],
      auth: { htpasswd: { file: 'htpasswd' }, token: 'off' },
      access: [
        { repositories: ['alone/**'], push: ['alice'] },
        { repositories: ['both/**', 'core/**'], push: ['alice', 'bob'] },
      ],
      upstreams: { core: { url: core } },
      repositories: { '**': { store: 'main' }, 'core/**': { proxy: 'core' } },
    },
  })
})

function ask(path: string, options: RequestOptions = {}): Promise<Answer> {
  return send(gateway.url + path, { ...alice, ...options })
}

function putManifest(path: string, { bytes, mediaType }: Content): Promise<Answer> {
  return ask(path, { method: 'PUT', body: bytes, headers: { 'content-type': mediaType } })
}

async function pushBlobs(name: string, image: Image): Promise<void> {
  for (const { digest, bytes } of image.blobs) {
    const { location } = (await ask(`/v2/${name}/blobs/uploads/`, { method: 'POST' })).headers
    const end = new URL(location ?? '')
    end.searchParams.set('digest', digest)
    assert.equal((await ask(end.pathname + end.search, { method: 'PUT', body: bytes })).status, 201)
  }
}

test('a push by digest sets as many tags as it names, and each of them is answered anew at once', async () => {
  const [first, second] = [imageOf({ seed: 'first' }), imageOf({ seed: 'second' })]
  for (const image of [first, second]) await pushBlobs('both/tags', image)
  const tags = Array.from({ length: 50 }, (_, at) => `v${at}`)
  const query = tags.map((tag) => `tag=${tag}`).join('&')
  for (const { manifest } of [first, second]) {
    const put = await putManifest(`/v2/both/tags/manifests/${manifest.digest}?${query}`, manifest)
    assert.equal(put.status, 201, put.text())
    assert.deepEqual(String(put.headers['oci-tag']).split(', '), tags)
    for (const tag of tags) {
      const { headers } = await ask(`/v2/both/tags/manifests/${tag}`, { method: 'HEAD' })
      assert.equal(headers['docker-content-digest'], manifest.digest)
    }
  }
})

test('too many tags are 414, a malformed one 400, and neither pushes anything', async () => {
  const manifest = contentOf(
    INDEX,
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests: [] })),
  )
  const path = `/v2/both/refused/manifests/${manifest.digest}`
  const many = Array.from({ length: 51 }, (_, at) => `tag=v${at}`).join('&')
  assert.equal((await putManifest(`${path}?${many}`, manifest)).status, 414)
  assert.equal((await putManifest(`${path}?tag=ok&tag=.not`, manifest)).status, 400)
  assert.equal((await ask(path)).status, 404)
})

test('a push by tag takes no further tags, and says so by naming none', async () => {
  const image = imageOf({ seed: 'by tag' })
  await pushBlobs('both/by-tag', image)
  const put = await putManifest('/v2/both/by-tag/manifests/v1?tag=v2', image.manifest)
  assert.equal(put.status, 201)
  assert.equal(put.headers['oci-tag'], undefined)
  assert.equal((await ask('/v2/both/by-tag/manifests/v2')).status, 404)
})

test('tags as parameters reach a registry behind the gateway that knows nothing of them', async () => {
  const image = imageOf({ seed: 'core' })
  await pushBlobs('core/app', image)
  const put = await putManifest(`/v2/core/app/manifests/${image.manifest.digest}?tag=a&tag=b`, image.manifest)
  assert.equal(put.status, 201, put.text())
  assert.equal(put.headers['oci-tag'], 'a, b')
  const list = await send(`${core}/v2/core/app/tags/list`)
  assert.deepEqual(list.json<{ tags: string[] }>().tags.toSorted(), ['a', 'b'])
  const digest = digestOf(image.manifest.bytes, 'sha512')
  const refused = await putManifest(`/v2/core/app/manifests/${digest}?tag=c`, image.manifest)
  assert.equal(refused.status, 405, refused.text())
  assert.match(refused.text(), /sha256 manifests alone/)
})

test('referrers come in pages that fit into an index, also where nobody asked for pages', async () => {
  const subject = imageOf({ seed: 'subject' })
  const digests: string[] = []
  for (let at = 0; at < 5; at += 1) {
    const annotations = { text: String(at).repeat(700_000) }
    const referrer = imageOf({ seed: `referrer ${at}`, subject: subject.manifest, annotations })
    await pushBlobs('both/referred', referrer)
    const put = await putManifest(
      `/v2/both/referred/manifests/${referrer.manifest.digest}`,
      referrer.manifest,
    )
    assert.equal(put.headers['oci-subject'], subject.manifest.digest)
    digests.push(referrer.manifest.digest)
  }
  const found: string[] = []
  let pages = 0
  let next: string | undefined = `/v2/both/referred/referrers/${subject.manifest.digest}`
  while (next !== undefined) {
    const answer = await ask(next)
    assert.ok(answer.body.length < 4 * 1024 * 1024)
    found.push(...answer.json<{ manifests: { digest: string }[] }>().manifests.map(({ digest }) => digest))
    next = /^<([^>]+)>; rel="next"$/.exec(String(answer.headers.link ?? ''))?.[1]
    pages += 1
  }
  assert.deepEqual(found, digests.toSorted())
  assert.ok(pages > 1)
})

test('a blob is mounted from wherever the caller may pull it, and from nowhere else', async () => {
  const bytes = Buffer.from('a layer of alice alone')
  const digest = digestOf(bytes)
  const pushed = await ask(`/v2/alone/source/blobs/uploads/?digest=${digest}`, {
    method: 'POST',
    body: bytes,
  })
  assert.equal(pushed.status, 201)
  const mount = async (query: string, options: RequestOptions) =>
    (await ask(`/v2/both/target/blobs/uploads/?mount=${digest}${query}`, { method: 'POST', ...options }))
      .status
  for (const query of ['', '&from=alone/source', '&from=made/up', '&from=Not/A/Name'])
    assert.equal(await mount(query, bob), 202, `bob got what he may not pull, with "${query}"`)
  assert.equal((await ask(`/v2/both/target/blobs/${digest}`, bob)).status, 404)
  assert.equal(await mount('&from=made/up', {}), 201)
  // Now it is where bob may pull too.
  assert.equal(await mount('', bob), 201)
})
