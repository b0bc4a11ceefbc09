import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buffer } from 'node:stream/consumers'
import { ANONYMOUS } from '../../../src/access/identity.ts'
import { ExternalRegistry } from '../../../src/core/external/external-registry.ts'
import type { RequestContext } from '../../../src/core/registry.ts'
import type { NameRewrite } from '../../../src/core/upstream-name.ts'
import { ACCEPT_ANYTHING } from '../../../src/oci/accept.ts'
import { digestOf } from '../../../src/oci/digest.ts'
import { createUpstreamClient } from '../../../src/upstream/create-upstream-client.ts'
import { startDockerRegistry } from '../../support/docker-registry.ts'
import { send } from '../../support/http.ts'
import { imageOf } from '../../support/images.ts'
import { atEnd, type Scope } from '../../support/scope.ts'
import { reference, repository } from '../../upstream/names.ts'
import { manifestBytes, startScriptedServer } from '../../upstream/scripted-server.ts'

const app = repository('team/app')
const v1 = reference('v1')
const image = imageOf({ seed: 'external' })
const context: RequestContext = {
  identity: ANONYMOUS,
  accept: ACCEPT_ANYTHING,
  signal: new AbortController().signal,
}

function registryAt(t: Scope, url: string, rewrite?: NameRewrite): ExternalRegistry {
  const registry = new ExternalRegistry({
    client: createUpstreamClient({ url, headersTimeoutMs: 100 }),
    rewrite,
  })
  atEnd(t, () => registry.close())
  return registry
}

async function pushBlobs(url: string): Promise<void> {
  for (const { digest, bytes } of image.blobs) {
    const started = await send(`${url}/v2/${app}/blobs/uploads/`, { method: 'POST' })
    await send(`${started.headers.location}&digest=${digest}`, { method: 'PUT', body: bytes })
  }
}

test('manifests are put, read, listed and deleted on a real core', async (t) => {
  const core = await startDockerRegistry(t)
  const registry = registryAt(t, core.url)
  await pushBlobs(core.url)
  const { digest, mediaType, bytes } = image.manifest
  assert.deepEqual(await registry.putManifest(app, v1, { mediaType, bytes }), { digest })
  const answer = await registry.getManifest(app, v1, context)
  assert.equal(answer.manifest.digest, digest)
  assert.equal(answer.manifest.mediaType, mediaType)
  assert.deepEqual(Buffer.from(answer.manifest.bytes), bytes)
  assert.deepEqual(await registry.listTags(app, { limit: 10 }, context), { items: ['v1'], more: false })
  assert.deepEqual(await registry.listRepositories({ limit: 10 }, context), { items: [app], more: false })
  assert.deepEqual(await registry.listReferrers(app, digest, {}, context), {
    descriptors: [],
    filtered: false,
  })
  await registry.deleteManifest(app, digest)
  await assert.rejects(registry.getManifest(app, v1, context), { code: 'MANIFEST_UNKNOWN', status: 404 })
})

test('blobs are found, read whole and in part, and deleted on a real core', async (t) => {
  const core = await startDockerRegistry(t)
  const registry = registryAt(t, core.url)
  await pushBlobs(core.url)
  const { digest, bytes } = image.config
  const blob = await registry.openBlob(app, digest, context)
  assert.equal(blob.size, bytes.length)
  assert.deepEqual(await buffer(await blob.read()), bytes)
  assert.deepEqual(await buffer(await blob.read({ start: 3, end: 9 })), bytes.subarray(3, 10))
  await registry.deleteBlob(app, digest)
  await assert.rejects(registry.statBlob(app, digest, context), { code: 'BLOB_UNKNOWN', status: 404 })
})

test("a core's refusals keep their codes", async (t) => {
  const registry = registryAt(t, (await startDockerRegistry(t, { delete: false })).url)
  const { mediaType, bytes, digest } = image.manifest
  await assert.rejects(registry.putManifest(app, v1, { mediaType, bytes }), {
    code: 'MANIFEST_BLOB_UNKNOWN',
    status: 400,
  })
  await assert.rejects(registry.deleteManifest(app, digest), { code: 'UNSUPPORTED', status: 405 })
  await assert.rejects(registry.listTags(app, { limit: 1 }, context), { code: 'NAME_UNKNOWN', status: 404 })
})

test('a broken core is UNAVAILABLE, and its address is not told', async (t) => {
  let answer: (() => { status: number; body: string }) | undefined
  const core = await startScriptedServer(t, (_req, res) => {
    const given = answer?.()
    if (given) res.writeHead(given.status, { 'www-authenticate': 'Basic realm="core"' }).end(given.body)
  })
  const registry = registryAt(t, core.url)
  const fails = (status: number): Promise<void> =>
    assert.rejects(registry.getManifest(app, v1, context), (error: unknown) => {
      assert.doesNotMatch(JSON.stringify(error), /127\.0\.0\.1/)
      const { code, status: answered } = error as { code: string; status: number }
      assert.deepEqual({ code, answered }, { code: 'UNAVAILABLE', answered: status })
      return true
    })
  await fails(504)
  answer = () => ({ status: 401, body: '' })
  await fails(502)
  answer = () => ({ status: 500, body: '{"errors":[{"code":"UNKNOWN","detail":"127.0.0.1"}]}' })
  await fails(502)
  answer = () => ({ status: 200, body: 'no manifest' })
  await fails(502)
  await core.close()
  await fails(502)
})

test('the subject that a core understood is answered; referrers are filtered by type', async (t) => {
  const subject = digestOf('subject')
  const one = {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: digestOf('1'),
    size: 1,
    artifactType: 'a/b',
  }
  const two = { ...one, digest: digestOf('2'), artifactType: 'c/d' }
  const core = await startScriptedServer(t, (req, res) => {
    if (req.method === 'PUT') res.writeHead(201, { 'oci-subject': subject }).end()
    else res.end(JSON.stringify({ schemaVersion: 2, manifests: [one, two] }))
  })
  const registry = registryAt(t, core.url)
  const bytes = manifestBytes()
  const put = await registry.putManifest(app, v1, { mediaType: undefined, bytes })
  assert.deepEqual(put, { digest: digestOf(bytes), subject })
  const listed = await registry.listReferrers(app, subject, { artifactType: 'c/d' }, context)
  assert.deepEqual(listed, { descriptors: [two], filtered: true })
})

test("a rewritten route asks for the core's own names, and lists them under ours", async (t) => {
  const pages: Record<string, string[]> = {
    '': ['acme/a', 'acme/b'],
    'acme/b': ['other/c'],
    'other/c': ['zoo/d'],
  }
  const core = await startScriptedServer(t, (_req, res, { pathname, searchParams }) => {
    const repositories = pathname === '/v2/_catalog' ? pages[searchParams.get('last') ?? ''] : undefined
    if (!repositories) return res.writeHead(404).end()
    const isLast = repositories.includes('zoo/d')
    if (!isLast) res.setHeader('link', '</v2/_catalog?next>; rel="next"')
    return res.end(JSON.stringify({ repositories }))
  })
  const registry = registryAt(t, core.url, { from: 'legacy/', to: 'acme/' })
  const first = await registry.listRepositories({ limit: 2 }, context)
  assert.deepEqual(first, { items: ['legacy/a', 'legacy/b'], more: true })
  const rest = await registry.listRepositories({ limit: 2, last: 'legacy/b' }, context)
  assert.deepEqual(rest, { items: [], more: false })
  await assert.rejects(registry.getManifest(repository('legacy/a'), v1, context), {
    code: 'MANIFEST_UNKNOWN',
  })
  assert.equal(core.requests.at(-1)?.target, '/v2/acme/a/manifests/v1')
  await assert.rejects(registry.getManifest(app, v1, context), { code: 'NAME_UNKNOWN' })
})
