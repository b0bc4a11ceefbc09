// Disks that are full, read-only or lost bytes, and bodies that lie or dawdle: told in the API's form, never as 500.
import assert from 'node:assert/strict'
import { readdir, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { blobDataPath } from '../../src/core/content/layout.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { connectRaw, send, type Answer } from '../support/http.ts'
import { imageOf, type Image } from '../support/images.ts'
import { seededBytes } from '../support/seeded-bytes.ts'
import { canMount, mountTinyDisk } from '../support/tiny-disk.ts'
import { until } from '../support/until.ts'

const EVERYBODY = ['$anonymous']
const BYTES = seededBytes('disk faults', 1_500_000)
const DIGEST = digestOf(BYTES)
const NAME = 'team/app'
const isRoot = await canMount()

function start(t: TestContext, sections: Record<string, unknown> = {}): Promise<RunningGateway> {
  return startGateway(t, {
    config: {
      listen: [{ address: '127.0.0.1:0' }],
      auth: {},
      access: [{ repositories: ['**'], pull: EVERYBODY, push: EVERYBODY, delete: EVERYBODY }],
      ...sections,
    },
  })
}

// Elsewhere the store's own failures stand in for the disk's: test/core/bundled/uploads.test.ts.
if (isRoot) {
  test('a disk that fills up in the middle of a push is 503, and the push goes on when there is room again', async (t) => {
    const disk = await mountTinyDisk(t, 6)
    const { url } = await start(t, { stores: { main: { filesystem: { root: disk.path } } } })
    const image = imageOf()
    await pushImage(url, image)
    const location = await begin(url)
    assert.equal((await patch(location, 0, 600_000)).status, 202)
    await disk.fill()
    assertUnavailable(await patch(location, 600_000, BYTES.length), /disk .* full/)
    assertUnavailable(await send(`${url}/v2/${NAME}/blobs/uploads/`, { method: 'POST' }), /disk .* full/)
    const put = await putManifest(url, 'v2', image)
    assert.ok(put.status === 201 || put.status === 503, put.text())
    assert.equal((await send(`${url}/v2/${NAME}/manifests/v1`)).status, 200)
    assert.equal((await send(location)).headers.range, '0-599999')
    await disk.empty()
    await finish(url, location, 600_000)
  })

  test('a disk that becomes read-only in the middle of a push is 503, and reads go on', async (t) => {
    const disk = await mountTinyDisk(t, 12)
    const { url } = await start(t, { stores: { main: { filesystem: { root: disk.path } } } })
    const image = imageOf()
    await pushImage(url, image)
    const location = await begin(url)
    assert.equal((await patch(location, 0, 600_000)).status, 202)
    await disk.setReadOnly(true)
    for (const refused of [
      await patch(location, 600_000, BYTES.length),
      await send(`${location}?digest=${DIGEST}`, { method: 'PUT' }),
      await send(location, { method: 'DELETE' }),
      await send(`${url}/v2/${NAME}/blobs/uploads/`, { method: 'POST' }),
      await putManifest(url, 'v2', image),
      await send(`${url}/v2/${NAME}/manifests/v1`, { method: 'DELETE' }),
    ])
      assertUnavailable(refused, /cannot be used/)
    assert.equal((await send(location)).headers.range, '0-599999')
    assert.equal((await send(`${url}/v2/${NAME}/manifests/v1`)).status, 200)
    assert.equal((await send(`${url}/v2/${NAME}/tags/list`)).status, 200)
    await disk.setReadOnly(false)
    await finish(url, location, 600_000)
  })
}

test('content that the disk lost bytes of is not there, until it is pushed again', async (t) => {
  const { url, folder } = await start(t)
  const image = imageOf()
  await pushImage(url, image)
  const [layer] = image.layers
  assert.ok(layer)
  for (const { digest } of [image.manifest, layer])
    await truncate(join(folder, 'data', blobDataPath(digest)), 0)
  const asked = [`blobs/${layer.digest}`, `manifests/${image.manifest.digest}`]
  for (const path of asked)
    for (const method of ['GET', 'HEAD']) {
      const { status } = await send(`${url}/v2/${NAME}/${path}`, { method })
      assert.equal(status, 404, `${method} ${path}`)
    }
  await pushImage(url, image)
  for (const path of asked) assert.equal((await send(`${url}/v2/${NAME}/${path}`)).status, 200)
})

test('a body that ends before its announced length is kept as far as it was taken, and the push goes on there', async (t) => {
  const gateway = await start(t)
  const location = await begin(gateway.url)
  const raw = await connectRaw(gateway.url)
  raw.write(head(location, 1_000_000))
  raw.write(BYTES.subarray(0, 400_000))
  await until('bytes are on the disk', async () => (await stagedBytes(gateway, location)) > 0)
  raw.socket.end()
  await raw.closed
  const offset = await until('what was taken is acknowledged', async () => {
    const [, end] = /^0-(\d+)$/.exec((await send(location)).headers.range ?? '') ?? []
    return Number(end) > 0 ? Number(end) + 1 : undefined
  })
  assert.ok(offset <= 400_000, String(offset))
  await finish(gateway.url, location, offset)
})

test('a body that goes on behind its announced length cuts the connection, and the session goes on', async (t) => {
  const { url } = await start(t)
  const location = await begin(url)
  const raw = await connectRaw(url)
  raw.write(head(location, 400))
  raw.write(BYTES.subarray(0, 1000))
  await raw.closed
  await until('the session is free', async () => (await patch(location, 9, 10)).status === 416)
  const { range } = (await send(location)).headers
  assert.match(String(range), /^0-(?:0|399)$/)
  await finish(url, location, range === '0-399' ? 400 : 0)
})

test('a client that dawdles is cut off, what it sent is kept, and its session is free', async (t) => {
  const { url } = await start(t, { limits: { idleTimeout: '1s' } })
  const location = await begin(url)
  const raw = await connectRaw(url)
  raw.write(head(location, 1000))
  raw.write(BYTES.subarray(0, 400))
  await raw.closed
  await until('what came is acknowledged', async () => (await send(location)).headers.range === '0-399')
  await finish(url, location, 400)
})

async function stagedBytes({ folder }: RunningGateway, location: string): Promise<number> {
  const id = location.slice(location.lastIndexOf('/') + 1)
  const session = join(folder, `data/docker/registry/v2/repositories/${NAME}/_uploads/${id}`)
  const staged = (await readdir(session)).filter((name) => name.startsWith('data'))
  const sizes = await Promise.all(staged.map(async (name) => (await stat(join(session, name))).size))
  return Math.max(0, ...sizes)
}

function head(location: string, length: number): string {
  const { pathname, host } = new URL(location)
  return `PATCH ${pathname} HTTP/1.1\r\nHost: ${host}\r\nContent-Length: ${length}\r\n\r\n`
}

async function begin(url: string): Promise<string> {
  const started = await send(`${url}/v2/${NAME}/blobs/uploads/`, { method: 'POST' })
  assert.equal(started.status, 202, started.text())
  return started.headers.location ?? ''
}

function patch(location: string, start: number, end: number): Promise<Answer> {
  const headers = { 'content-range': `${start}-${end - 1}` }
  return send(location, { method: 'PATCH', body: BYTES.subarray(start, end), headers })
}

async function finish(url: string, location: string, offset: number): Promise<void> {
  // A request that was cut off lets go of the session when it has noticed.
  const patched = await until('the session is free', async () => {
    const answer = await patch(location, offset, BYTES.length)
    return answer.status === 409 ? undefined : answer
  })
  assert.equal(patched.status, 202, patched.text())
  const put = await send(`${location}?digest=${DIGEST}`, { method: 'PUT' })
  assert.equal(put.status, 201, put.text())
  assert.ok((await send(`${url}/v2/${NAME}/blobs/${DIGEST}`)).body.equals(BYTES))
}

async function pushImage(url: string, image: Image): Promise<void> {
  for (const { digest, bytes } of image.blobs) {
    const path = `${url}/v2/${NAME}/blobs/uploads/?digest=${digest}`
    assert.equal((await send(path, { method: 'POST', body: bytes })).status, 201)
  }
  assert.equal((await putManifest(url, 'v1', image)).status, 201)
}

function putManifest(url: string, tag: string, { manifest }: Image): Promise<Answer> {
  const headers = { 'content-type': manifest.mediaType }
  return send(`${url}/v2/${NAME}/manifests/${tag}`, { method: 'PUT', body: manifest.bytes, headers })
}

function assertUnavailable(answer: Answer, message: RegExp): void {
  assert.equal(answer.status, 503, answer.text())
  const [error] = answer.json<{ errors: { code: string; message: string }[] }>().errors
  assert.equal(error?.code, 'UNAVAILABLE')
  assert.match(error.message, message)
}
