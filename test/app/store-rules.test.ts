// What a store is configured to refuse and to verify, as clients see it.
import assert from 'node:assert/strict'
import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { blobDataPath } from '../../src/core/content/layout.ts'
import { repository, tag } from '../core/content/content.ts'
import { bodyOf, CONTEXT, pushBlobs, startBundled } from '../core/bundled/bundled.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { send, type Answer } from '../support/http.ts'
import { imageOf, type Image } from '../support/images.ts'
import { temporaryFolder } from '../support/scope.ts'
import { until } from '../support/until.ts'

const TEAM = repository('team/app')
const ONE = imageOf({ seed: 'one', layerBytes: 300_000 })
const TWO = imageOf({ seed: 'two' })
const ALICE = { username: 'alice', password: 'alice-secret' }

/** Serves ONE as `v1`, and the blobs of TWO, under the store's settings. */
async function serve(
  t: TestContext,
  settings: Readonly<Record<string, unknown>>,
  others: Readonly<Record<string, unknown>> = {},
): Promise<RunningGateway> {
  const folder = await temporaryFolder(t)
  const bundled = await startBundled(t, { root: join(folder, 'data') })
  for (const image of [ONE, TWO]) await pushBlobs(bundled, TEAM, image)
  await bundled.registry.putManifest(TEAM, tag('v1'), bodyOf(ONE.manifest), CONTEXT)
  const main = { filesystem: { root: 'data' }, ...settings }
  const routes = Object.keys(others).map((name) => [`${name}/**`, { store: name }])
  const repositories = { '**': { store: 'main' }, ...Object.fromEntries(routes) }
  return startGateway(t, { folder, config: { stores: { main, ...others }, repositories } })
}

function put({ url, ca }: RunningGateway, image: Image, reference: string): Promise<Answer> {
  const { mediaType, bytes } = image.manifest
  return send(`${url}/v2/team/app/manifests/${reference}`, {
    method: 'PUT',
    ca,
    account: ALICE,
    headers: { 'Content-Type': mediaType },
    body: bytes,
  })
}

function codeOf(answer: Answer): string | undefined {
  return answer.json<{ errors: { code: string }[] }>().errors[0]?.code
}

test('an immutable tag refuses other content with 403 DENIED, and its delete too', async (t) => {
  const gateway = await serve(t, { tags: [{ repositories: ['team/**'], tags: ['v*'], immutable: true }] })
  assert.equal((await put(gateway, ONE, 'v1')).status, 201)
  const refused = await put(gateway, TWO, 'v1')
  assert.deepEqual([refused.status, codeOf(refused)], [403, 'DENIED'])
  assert.equal((await put(gateway, TWO, 'latest')).status, 201)
  const url = `${gateway.url}/v2/team/app/manifests/v1`
  const deleted = await send(url, { method: 'DELETE', ca: gateway.ca, account: ALICE })
  assert.deepEqual([deleted.status, codeOf(deleted)], [403, 'DENIED'])
})

test('a read-only store answers pulls, and pushes with 405 in one clear line', async (t) => {
  const gateway = await serve(t, { readOnly: true })
  const asked = { ca: gateway.ca, account: ALICE }
  const refused = await put(gateway, TWO, 'v2')
  assert.deepEqual([refused.status, codeOf(refused)], [405, 'UNSUPPORTED'])
  assert.match(refused.text(), /this registry is read-only at the moment/)
  const uploads = `${gateway.url}/v2/team/app/blobs/uploads/`
  assert.equal((await send(uploads, { ...asked, method: 'POST' })).status, 405)
  assert.equal((await send(`${gateway.url}/v2/team/app/manifests/v1`, asked)).status, 200)
})

test('in a read-only store damaged blobs and stale sessions stay where they are', async (t) => {
  const readOnly = { readOnly: true, verifyReads: true, uploads: { purgeAfter: '1s' } }
  const gateway = await serve(t, readOnly, {
    other: { filesystem: { root: 'other' }, uploads: { purgeAfter: '1s' } },
  })
  const [layer] = ONE.layers
  assert.ok(layer)
  const path = join(gateway.folder, 'data', blobDataPath(layer.digest))
  await writeFile(path, Buffer.alloc(layer.size))
  const asked = { ca: gateway.ca, account: ALICE }
  await assert.rejects(send(`${gateway.url}/v2/team/app/blobs/${layer.digest}`, asked))
  const uploads = (root: string, name: string) =>
    join(gateway.folder, root, 'docker/registry/v2/repositories', name, '_uploads')
  const session = '00000000-0000-4000-8000-000000000000'
  const started = async (folder: string) => {
    await mkdir(join(folder, session), { recursive: true })
    await writeFile(join(folder, session, 'startedat'), '2020-01-01T00:00:00Z')
    await utimes(join(folder, session, 'startedat'), 0, 0)
  }
  await started(uploads('data', 'team/app'))
  await started(uploads('other', 'other/app'))
  await until('the purge has run', async () => (await readdir(uploads('other', 'other/app'))).length === 0)
  await gateway.program.stop()
  assert.deepEqual(await readdir(uploads('data', 'team/app')), [session])
  assert.equal((await stat(path)).size, layer.size)
})

test('with verifyReads a damaged blob is cut off, reported, moved aside, and then missing', async (t) => {
  const gateway = await serve(t, { verifyReads: true })
  const [layer] = ONE.layers
  assert.ok(layer)
  const url = `${gateway.url}/v2/team/app/blobs/${layer.digest}`
  const asked = { ca: gateway.ca, account: ALICE }
  assert.deepEqual((await send(url, asked)).body, layer.bytes)
  const wrong = Buffer.from(layer.bytes)
  wrong[1000] = (wrong[1000] ?? 0) ^ 1
  await writeFile(join(gateway.folder, 'data', blobDataPath(layer.digest)), wrong)
  await assert.rejects(send(url, asked))
  await until(
    'the blob is missing',
    async () => (await send(url, { ...asked, method: 'HEAD' })).status === 404,
  )
  await until('the log tells of it', () =>
    gateway.log().some(({ msg, digest }) => msg?.startsWith('damaged content') && digest === layer.digest),
  )
})

test('a pull is recorded where a rule speaks of pulls', async (t) => {
  const gateway = await serve(t, { tags: [{ keep: { pulledWithin: '30d' } }] })
  const asked = { ca: gateway.ca, account: ALICE }
  assert.equal((await send(`${gateway.url}/v2/team/app/manifests/v1`, asked)).status, 200)
  await gateway.program.stop()
  const { driver } = await startBundled(t, { root: join(gateway.folder, 'data') })
  const at = await driver.readAll('dockgate/pulls/team/app/_tags/v1', { maxBytes: 100 })
  assert.ok(Math.abs(Date.now() - Date.parse(at.toString())) < 60_000)
})
