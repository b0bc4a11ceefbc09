import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../src/oci/digest.ts'
import { MANIFEST_TYPES, OCI_MANIFEST } from '../../src/oci/media-type.ts'
import { createUpstreamClient } from '../../src/upstream/create-upstream-client.ts'
import {
  UpstreamDeniedError,
  type UpstreamError,
  UpstreamInvalidAnswerError,
  UpstreamNotFoundError,
  UpstreamRateLimitedError,
  UpstreamRejectedError,
  UpstreamUnavailableError,
} from '../../src/upstream/errors.ts'
import { readRetryAfter } from '../../src/upstream/rate-limit.ts'
import { startDockerRegistry } from '../support/docker-registry.ts'
import { atEnd, type Scope } from '../support/scope.ts'
import { reference, repository } from './names.ts'
import { manifestBytes, startScriptedServer } from './scripted-server.ts'

const alpine = repository('library/alpine')
const latest = reference('latest')

function clientOf(
  t: Scope,
  url: string,
  deadlines: { headersTimeoutMs?: number; idleTimeoutMs?: number } = {},
) {
  const client = createUpstreamClient({ url, ...deadlines })
  atEnd(t, () => client.close())
  return client
}

test('a manifest is asked for with every type, and answered with its digest and the quota', async (t) => {
  const bytes = manifestBytes()
  const registry = await startScriptedServer(t, (_req, res) =>
    res
      .writeHead(200, {
        'content-type': OCI_MANIFEST,
        'docker-content-digest': digestOf(bytes),
        'ratelimit-limit': '100;w=21600',
        'ratelimit-remaining': '42;w=21600',
        'docker-ratelimit-source': '10.0.0.1',
      })
      .end(bytes),
  )
  const manifest = await clientOf(t, `${registry.url}/prefix`).getManifest(alpine, latest)
  assert.equal(manifest.digest, digestOf(bytes))
  assert.equal(manifest.mediaType, OCI_MANIFEST)
  assert.deepEqual(manifest.bytes, bytes)
  assert.deepEqual(manifest.rateLimit, {
    limit: 100,
    remaining: 42,
    windowSeconds: 21600,
    source: '10.0.0.1',
  })
  assert.equal(registry.requests[0]?.target, '/prefix/v2/library/alpine/manifests/latest')
  assert.equal(registry.requests[0].headers.accept, MANIFEST_TYPES.join(', '))
})

test('bytes that are not those of the digest are refused', async (t) => {
  const registry = await startScriptedServer(t, (_req, res) => res.end(manifestBytes('another')))
  const wanted = digestOf(manifestBytes())
  await assert.rejects(clientOf(t, registry.url).getManifest(alpine, wanted), UpstreamInvalidAnswerError)
})

test('bytes that are not those of the announced digest are refused', async (t) => {
  const registry = await startScriptedServer(t, (_req, res) =>
    res.writeHead(200, { 'docker-content-digest': digestOf('other') }).end(manifestBytes()),
  )
  await assert.rejects(clientOf(t, registry.url).getManifest(alpine, latest), UpstreamInvalidAnswerError)
})

test('a page that is no manifest is refused', async (t) => {
  const registry = await startScriptedServer(t, (_req, res) =>
    res.end('<html>please pay for the Wi-Fi</html>'),
  )
  await assert.rejects(clientOf(t, registry.url).getManifest(alpine, latest), UpstreamInvalidAnswerError)
})

test('more than 4 MiB are not read', async (t) => {
  const registry = await startScriptedServer(t, (_req, res) => res.end(Buffer.alloc(5 * 1024 * 1024)))
  await assert.rejects(clientOf(t, registry.url).getManifest(alpine, latest), UpstreamInvalidAnswerError)
})

test('statuses become errors that say what they mean', async (t) => {
  let status = 404
  const registry = await startScriptedServer(t, (_req, res) =>
    res
      .writeHead(status, { 'retry-after': '9' })
      .end(JSON.stringify({ errors: [{ code: 'SOME_CODE', message: 'some words', detail: 7 }] })),
  )
  // Each asks anew: who was told when to come back does not come before.
  const ask = () => clientOf(t, registry.url).getManifest(alpine, latest)
  const fails = (answered: number, expected: typeof UpstreamError): Promise<void> => {
    status = answered
    return assert.rejects(ask(), expected)
  }
  await fails(404, UpstreamNotFoundError)
  await fails(403, UpstreamDeniedError)
  await fails(429, UpstreamRateLimitedError)
  await fails(400, UpstreamRejectedError)
  await fails(503, UpstreamUnavailableError)
  await assert.rejects(ask(), {
    status: 503,
    retryAfterSeconds: 9,
    fault: { code: 'SOME_CODE', message: 'some words', detail: 7 },
  })
})

test('an upstream that refuses connections is unavailable at once', async (t) => {
  const registry = await startScriptedServer(t, (_req, res) => res.end())
  await registry.close()
  await assert.rejects(clientOf(t, registry.url).getManifest(alpine, latest), UpstreamUnavailableError)
})

test('an upstream that does not answer in time is unavailable, and says that it was time', async (t) => {
  const registry = await startScriptedServer(t, () => undefined)
  const client = clientOf(t, registry.url, { headersTimeoutMs: 50 })
  await assert.rejects(client.getManifest(alpine, latest), { code: 'UPSTREAM_UNAVAILABLE', timedOut: true })
})

test('an upstream that stops in the middle of a body is unavailable', async (t) => {
  const registry = await startScriptedServer(t, (_req, res) => {
    res.writeHead(200, { 'content-length': '1000' }).write('{')
  })
  const client = clientOf(t, registry.url, { idleTimeoutMs: 50 })
  await assert.rejects(client.getManifest(alpine, latest), { code: 'UPSTREAM_UNAVAILABLE', timedOut: true })
})

test('a caller that gives up gets its own reason', async (t) => {
  const registry = await startScriptedServer(t, () => abort.abort(new Error('gone')))
  const abort = new AbortController()
  const client = clientOf(t, registry.url)
  await assert.rejects(client.getManifest(alpine, latest, { signal: abort.signal }), { message: 'gone' })
})

test('a kept connection that the upstream had closed does not fail a read', async (t) => {
  let answered = 0
  const registry = await startScriptedServer(t, (req, res) => {
    if (++answered === 2) req.socket.destroy()
    else res.end(manifestBytes())
  })
  const client = clientOf(t, registry.url)
  await client.getManifest(alpine, latest)
  await client.getManifest(alpine, latest)
  assert.equal(answered, 3)
})

test('Retry-After is read as seconds and as a date, and not believed beyond a day', () => {
  assert.equal(readRetryAfter('120'), 120)
  assert.equal(readRetryAfter('Thu, 01 Jan 1970 00:01:00 GMT', 0), 60)
  assert.equal(readRetryAfter('999999999'), 86_400)
  assert.equal(readRetryAfter('soon'), undefined)
})

test('a real registry takes, shows, lists and deletes a manifest', async (t) => {
  const registry = await startDockerRegistry(t)
  const client = clientOf(t, registry.url)
  const index = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] }),
  )
  const manifest = { mediaType: 'application/vnd.oci.image.index.v1+json', bytes: index }
  for (const tag of ['c', 'a', 'b']) await client.putManifest(alpine, reference(tag), manifest)
  assert.deepEqual(await client.headManifest(alpine, reference('a')), {
    digest: digestOf(index),
    mediaType: manifest.mediaType,
    size: index.length,
    rateLimit: undefined,
  })
  assert.deepEqual(await client.listTags(alpine, { limit: 2 }), { items: ['a', 'b'], more: true })
  assert.deepEqual(await client.listTags(alpine, { limit: 2, last: 'b' }), { items: ['c'], more: false })
  assert.deepEqual(await client.listReferrers(alpine, digestOf(index)), [])
  await client.deleteManifest(alpine, digestOf(index))
  await assert.rejects(client.headManifest(alpine, reference('a')), UpstreamNotFoundError)
})

test('referrers are found by their tag where the upstream has no referrers API', async (t) => {
  const registry = await startDockerRegistry(t)
  const client = clientOf(t, registry.url)
  const subject = digestOf('subject')
  const referrer = {
    mediaType: OCI_MANIFEST,
    digest: digestOf('sbom'),
    size: 4,
    artifactType: 'application/sbom',
  }
  const type = 'application/vnd.oci.image.index.v1+json'
  const child = manifestBytes()
  const descriptor = { ...referrer, digest: digestOf(child), size: child.length }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: [descriptor] }))
  const scripted = await startScriptedServer(t, (_req, res, { pathname }) => {
    if (pathname.includes('/manifests/')) res.setHeader('content-type', type).end(bytes)
    else res.writeHead(404).end('404 page not found')
  })
  assert.deepEqual(await clientOf(t, scripted.url).listReferrers(alpine, subject), [descriptor])
  assert.equal(scripted.requests.at(-1)?.target, `/v2/library/alpine/manifests/${subject.replace(':', '-')}`)
  assert.deepEqual(await client.listReferrers(alpine, subject), [])
})

test('repositories come page by page; names that are none are left out', async (t) => {
  const registry = await startScriptedServer(t, (_req, res) =>
    res
      .writeHead(200, { link: '</v2/_catalog?last=b&n=3>; rel="next"' })
      .end(JSON.stringify({ repositories: ['a/b', '../etc', 'b'] })),
  )
  const page = await clientOf(t, registry.url).listRepositories({ limit: 3, last: 'a' })
  assert.deepEqual(page, { items: ['a/b', 'b'], more: true })
  assert.equal(registry.requests[0]?.target, '/v2/_catalog?n=3&last=a')
})

test('a header that names no next page is read once, however long it is', async (t) => {
  for (const piece of ['<', '<>;', '<>;rel', '</v2/x>; rel="prev", ']) {
    const link = piece.repeat(Math.floor(100_000 / piece.length))
    const registry = await startScriptedServer(t, (_req, res) =>
      res.writeHead(200, { link }).end(JSON.stringify({ repositories: ['a'] })),
    )
    const page = await clientOf(t, registry.url).listRepositories({ limit: 3 })
    assert.deepEqual(page, { items: ['a'], more: false })
  }
})

test('as many referrers are taken as one answer may hold, and no more over all pages', async (t) => {
  const digest = digestOf('subject')
  const manifests = Array.from({ length: 140_000 }, () => ({ mediaType: 'a/b', digest, size: 1 }))
  const body = JSON.stringify({ schemaVersion: 2, manifests })
  let pages = 1
  const registry = await startScriptedServer(t, (_req, res) => {
    if (pages > 1) res.setHeader('link', '</v2/library/alpine/referrers/x?page=2>; rel="next"')
    res.end(body)
  })
  const client = clientOf(t, registry.url)
  assert.equal((await client.listReferrers(alpine, digest))?.length, manifests.length)
  pages = 2
  await assert.rejects(client.listReferrers(alpine, digest), UpstreamInvalidAnswerError)
})

test('an answer that is nested without end is no answer', async (t) => {
  const registry = await startScriptedServer(t, (_req, res) =>
    res.end(`{"tags":["a"],"x":${'['.repeat(65)}${']'.repeat(65)}}`),
  )
  await assert.rejects(clientOf(t, registry.url).listTags(alpine, { limit: 3 }), UpstreamInvalidAnswerError)
})

test('referrers are collected over all pages, which stay with the upstream', async (t) => {
  const descriptor = (text: string) => ({
    mediaType: OCI_MANIFEST,
    digest: digestOf(text),
    size: text.length,
  })
  const registry = await startScriptedServer(t, (_req, res, { search }) => {
    const isFirst = search === ''
    res.setHeader(
      'link',
      isFirst ? '</v2/library/alpine/referrers/x?page=2>; rel="next"' : '<http://evil/v2/x>; rel="next"',
    )
    res.end(JSON.stringify({ schemaVersion: 2, manifests: [descriptor(isFirst ? 'one' : 'two')] }))
  })
  const found = await clientOf(t, registry.url).listReferrers(alpine, digestOf('subject'))
  assert.deepEqual(found, [descriptor('one'), descriptor('two')])
})
