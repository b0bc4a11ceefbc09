// What can go wrong with an upstream, through a real gateway: clients hear the right thing soon, and the next request after
// recovery works.
import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { open, send, type Answer } from '../support/http.ts'
import { startHub, type Hub } from '../support/hub.ts'
import type { ActiveFault, Fault, FaultMatch } from '../support/hub/faults.ts'
import { imageOf, type Image } from '../support/images.ts'
import { fileScope } from '../support/scope.ts'
import { until } from '../support/until.ts'

const scope = fileScope()
let hub: Hub
let gateway: RunningGateway
let drills = 0

before(async () => {
  hub = await startHub(scope, { pullLimit: Infinity })
  gateway = await startGateway(scope, {
    config: {
      // Each process learns for itself how an upstream stands: a drill must meet the one that has learned it.
      workers: 1,
      access: [{ repositories: ['docker.io/**'], pull: ['$anonymous'] }],
      upstreams: {
        hub: {
          url: hub.url,
          namespace: 'docker.io',
          timeouts: { connect: '500ms', firstByte: '500ms', idle: '500ms' },
        },
      },
      repositories: { 'docker.io/**': { mirror: 'hub', store: 'mirror', negativeTtl: '1ms' } },
      stores: { mirror: { filesystem: { root: 'mirror' } } },
    },
  })
})

interface Drill {
  readonly image: Image
  readonly manifestPath: string
  readonly blobPath: string
  get(path: string): Promise<Answer>
  fail(match: FaultMatch, fault: Fault): ActiveFault
  /** Everything of the image can be had. */
  recovers(): Promise<void>
}

/** A repository that no other drill has to do with. */
function newDrill(): Drill {
  const name = `drill/number-${++drills}`
  const image = imageOf({ seed: name })
  hub.add(`${name}:1`, image)
  const [manifestPath, blobPath] = [
    `/v2/docker.io/${name}/manifests/1`,
    `/v2/docker.io/${name}/blobs/${image.config.digest}`,
  ]
  const get = (path: string) => send(gateway.url + path, { ca: gateway.ca })
  return {
    image,
    manifestPath,
    blobPath,
    get,
    fail: (match, fault) => hub.fail(match, fault),
    recovers: async () => {
      await until('the manifest can be had', async () => (await get(manifestPath)).status === 200)
      assert.deepEqual((await get(manifestPath)).body, image.manifest.bytes)
      assert.deepEqual((await get(blobPath)).body, image.config.bytes)
    },
  }
}

function codeOf(answer: Answer): string {
  return answer.json<{ errors: { code: string }[] }>().errors[0]?.code ?? ''
}

const MANIFESTS = { server: 'registry', path: '/manifests/' } as const
const BLOBS = { server: 'registry', path: '/blobs/' } as const
const CDN = { server: 'cdn' } as const

/** What the client is told of the manifest while `fault` is there. */
async function manifestUnder(fault: Fault): Promise<{ status: number; code: string; retryAfter: unknown }> {
  const drill = newDrill()
  const active = drill.fail(MANIFESTS, fault)
  const answer = await drill.get(drill.manifestPath)
  active.remove()
  await drill.recovers()
  return { status: answer.status, code: codeOf(answer), retryAfter: answer.headers['retry-after'] }
}

/** What a client gets of a blob while `fault` is there: never the whole of a wrong one. */
async function blobUnder(match: FaultMatch, fault: Fault): Promise<number | 'cut off'> {
  const drill = newDrill()
  await drill.get(drill.manifestPath)
  const active = drill.fail(match, fault)
  const outcome = await drill.get(drill.blobPath).then(
    ({ status, body }) => {
      if (status === 200) assert.deepEqual(body, drill.image.config.bytes)
      return status
    },
    () => 'cut off' as const,
  )
  active.remove()
  await drill.recovers()
  return outcome
}

test('a 401 that no login answers is a refusal, and poisons nothing', async () => {
  const { status, code } = await manifestUnder({ kind: 'status', status: 401 })
  assert.deepEqual([status, code], [403, 'DENIED'])
  const headers = { 'WWW-Authenticate': 'Basic realm="stray"' }
  assert.equal((await manifestUnder({ kind: 'status', status: 401, headers })).status, 403)
})

test('a 403 is a refusal', async () => {
  const { status, code } = await manifestUnder({ kind: 'status', status: 403 })
  assert.deepEqual([status, code], [403, 'DENIED'])
})

test('a 404 is a 404', async () => {
  const { status, code } = await manifestUnder({ kind: 'status', status: 404 })
  assert.deepEqual([status, code], [404, 'MANIFEST_UNKNOWN'])
})

test('a 429 with Retry-After is handed on with it, and heeded', async () => {
  const answer = await manifestUnder({ kind: 'status', status: 429, retryAfter: 1 })
  assert.deepEqual(answer, { status: 429, code: 'TOOMANYREQUESTS', retryAfter: '1' })
})

test('a 429 without Retry-After is handed on', async () => {
  const { status, code } = await manifestUnder({ kind: 'status', status: 429 })
  assert.deepEqual([status, code], [429, 'TOOMANYREQUESTS'])
})

test('a 500 and a 503 mean that it cannot be had now', async () => {
  assert.equal((await manifestUnder({ kind: 'status', status: 500 })).status, 503)
  assert.equal((await manifestUnder({ kind: 'status', status: 503 })).status, 503)
})

test('who hangs before the headers is given up', async () => {
  assert.equal((await manifestUnder({ kind: 'hang' })).status, 504)
  assert.notEqual(await blobUnder(CDN, { kind: 'hang' }), 200)
})

test('who hangs in the middle of a manifest or blob is given up', async () => {
  const { status } = await manifestUnder({ kind: 'hang', afterBytes: 10 })
  assert.ok(status === 504 || status === 503)
  assert.notEqual(await blobUnder(CDN, { kind: 'hang', afterBytes: 10 }), 200)
})

test('who is slow is waited for as long as something comes', async () => {
  const drill = newDrill()
  const slow = drill.fail(MANIFESTS, { kind: 'slow', bytesPerSecond: 1000 })
  assert.equal((await drill.get(drill.manifestPath)).status, 200)
  slow.remove()
  assert.equal(await blobUnder(CDN, { kind: 'slow', bytesPerSecond: 500 }), 200)
})

test('a connection that is reset, at once or in the middle, is no answer', async () => {
  assert.equal((await manifestUnder({ kind: 'reset' })).status, 503)
  assert.equal((await manifestUnder({ kind: 'reset', afterBytes: 10 })).status, 503)
  assert.notEqual(await blobUnder(CDN, { kind: 'reset' }), 200)
})

test('what is cut short is not served', async () => {
  assert.equal((await manifestUnder({ kind: 'truncate', afterBytes: 10 })).status, 503)
  assert.notEqual(await blobUnder(CDN, { kind: 'truncate', afterBytes: 10 }), 200)
})

test('what has another digest than it should is not served', async () => {
  assert.equal((await manifestUnder({ kind: 'wrong-bytes' })).status, 502)
  assert.notEqual(await blobUnder(CDN, { kind: 'wrong-bytes' }), 200)
})

test('what has another length than it should is not served', async () => {
  assert.equal((await manifestUnder({ kind: 'wrong-length', by: 3 })).status, 502)
  assert.notEqual(await blobUnder(CDN, { kind: 'wrong-length', by: 3 }), 200)
  assert.notEqual(await blobUnder(CDN, { kind: 'wrong-length', by: -3 }), 200)
})

test('a redirect in a circle is left', async () => {
  assert.equal((await manifestUnder({ kind: 'redirect-loop' })).status, 502)
  assert.equal(await blobUnder(BLOBS, { kind: 'redirect-loop' }), 502)
})

test('a redirect to a metadata service is not followed', async () => {
  const to = 'http://169.254.169.254/latest/meta-data/iam/security-credentials/'
  assert.equal((await manifestUnder({ kind: 'redirect', to })).status, 502)
  assert.equal(await blobUnder(BLOBS, { kind: 'redirect', to }), 502)
})

test('a manifest without end is not read to its end', async () => {
  const { status } = await manifestUnder({ kind: 'unannounced', extraBytes: 64 * 1024 * 1024 })
  assert.equal(status, 502)
})

test('a compressed answer is not taken for what was asked for', async () => {
  assert.equal((await manifestUnder({ kind: 'compressed' })).status, 502)
  assert.equal(await blobUnder(CDN, { kind: 'compressed' }), 502)
})

test('a token service that hangs, fails or answers nonsense is no answer, and is asked again', async () => {
  assert.equal(await manifestWithoutToken({ kind: 'hang' }), 504)
  assert.equal(await manifestWithoutToken({ kind: 'status', status: 503 }), 503)
  assert.equal(await manifestWithoutToken({ kind: 'compressed' }), 502)
  assert.equal(await manifestWithoutToken({ kind: 'status', status: 429, retryAfter: 1 }), 429)
})

/** What the client is told of the manifest while the token service has `fault`. */
async function manifestWithoutToken(fault: Fault): Promise<number> {
  const drill = newDrill()
  const active = drill.fail({ server: 'token' }, fault)
  const { status } = await drill.get(drill.manifestPath)
  active.remove()
  await drill.recovers()
  return status
}

test('a tag that moves between two requests is one or the other, whole', async () => {
  const drill = newDrill()
  const [, name = ''] = /docker\.io\/(.*)\/manifests/.exec(drill.manifestPath) ?? []
  const moved = imageOf({ seed: 'moved' })
  hub.add(`${name}:next`, moved)
  const action = () => hub.moveTag(name, '1', moved.manifest.digest)
  const fault = hub.fail({ ...MANIFESTS, path: name }, { kind: 'meanwhile', action }, { times: 1 })
  const head = await send(gateway.url + drill.manifestPath, { method: 'HEAD', ca: gateway.ca })
  const { headers, body } = await drill.get(drill.manifestPath)
  fault.remove()
  const known = [drill.image, moved].find(
    ({ manifest }) => manifest.digest === headers['docker-content-digest'],
  )
  assert.deepEqual(body, known?.manifest.bytes)
  assert.equal(head.status, 200)
})

test('a blob that a manifest names and the upstream does not have is a 404, until it has it', async () => {
  const drill = newDrill()
  const [, name = ''] = /docker\.io\/(.*)\/manifests/.exec(drill.manifestPath) ?? []
  hub.deleteBlob(name, drill.image.config.digest)
  assert.equal((await drill.get(drill.manifestPath)).status, 200)
  const missing = await drill.get(drill.blobPath)
  assert.deepEqual([missing.status, codeOf(missing)], [404, 'BLOB_UNKNOWN'])
  hub.add(`${name}:1`, drill.image)
  await until('the blob can be had', async () => (await drill.get(drill.blobPath)).status === 200)
})

test('a client that leaves while the upstream hangs fails nobody else', async () => {
  const drill = newDrill()
  const hang = drill.fail(MANIFESTS, { kind: 'hang' })
  const leaving = new AbortController()
  const left = open(gateway.url + drill.manifestPath, { ca: gateway.ca, signal: leaving.signal })
  await until('the upstream hangs', () => hang.hits > 0)
  leaving.abort()
  await assert.rejects(left)
  hang.remove()
  await drill.recovers()
})
