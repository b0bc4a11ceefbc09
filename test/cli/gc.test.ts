// `dockgate gc`: on a store that nobody serves, and through the gateway that serves it.
import assert from 'node:assert/strict'
import { stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { blobDataPath } from '../../src/core/content/layout.ts'
import type { Digest } from '../../src/oci/digest.ts'
import { repository, tag } from '../core/content/content.ts'
import { pushBlobs, startBundled } from '../core/bundled/bundled.ts'
import { push } from '../core/bundled/gc/collected.ts'
import { startDockerRegistry } from '../support/docker-registry.ts'
import { startGateway, writeConfig, writePasswords, type RunningGateway } from '../support/gateway.ts'
import { send } from '../support/http.ts'
import { imageOf, multiArch, type Image } from '../support/images.ts'
import { temporaryFolder, type Scope } from '../support/scope.ts'
import { until } from '../support/until.ts'
import { runCli } from './run-cli.ts'

const APP = repository('team/app')
const alice = { account: { username: 'alice', password: 'alice-secret' } }

test('frees what a dry run said, on a folder that registry:2 goes on with', async (t) => {
  const { folder, gc } = await storeFolder(t)
  const index = multiArch()
  const [kept, old] = [imageOf({ seed: 'kept' }), imageOf({ seed: 'old' })]
  const bundled = await startBundled(t, { root: join(folder, 'data') })
  for (const content of [old, kept]) await push(bundled, APP, content, tag('v1'))
  await push(bundled, APP, index, tag('multi'))
  const dry = await gc('--dry-run', '--untagged', '--json', '--grace', '0s')
  assert.equal(dry.code, 0, dry.stderr)
  assert.equal(await isStored(folder, old.config.digest), true)
  const real = await gc('--untagged', '--json', '--grace', '0s')
  const [told, done] = [dry, real].map(({ stdout }) => linesOf(stdout))
  assert.deepEqual(told?.slice(0, -1), done?.slice(0, -1))
  assert.deepEqual(done?.[0], { manifest: old.manifest.digest, repository: 'team/app' })
  const { removedManifests, removedBlobs, freedBytes } = done?.at(-1) ?? {}
  assert.deepEqual([removedManifests, removedBlobs], [1, 3])
  assert.equal(
    freedBytes,
    [old.manifest, ...old.blobs].reduce((sum, { size }) => sum + size, 0),
  )
  assert.equal(await isStored(folder, old.config.digest), false)
  const { url } = await startDockerRegistry(t, { root: join(folder, 'data') })
  for (const image of [kept, ...index.images]) await pullWhole(`${url}/v2/team/app`, image)
  const accept = { headers: { Accept: index.manifest.mediaType } }
  assert.equal((await send(`${url}/v2/team/app/manifests/multi`, accept)).status, 200)
  assert.equal((await send(`${url}/v2/team/app/blobs/${old.config.digest}`)).status, 404)
})

test('says in one line what it freed, and what waits for the end of the grace', async (t) => {
  const { folder, gc } = await storeFolder(t)
  const bundled = await startBundled(t, { root: join(folder, 'data') })
  const image = imageOf()
  await push(bundled, APP, image)
  await push(bundled, APP, imageOf({ seed: 'tagged' }), tag('v1'))
  await pushBlobs(bundled, APP, imageOf({ seed: 'unnamed' }))
  const waiting = await gc('--untagged')
  assert.equal(waiting.code, 0, waiting.stderr)
  assert.equal(
    waiting.stdout,
    'main: freed 0 B, 0 of 2 manifests and 0 of 8 blobs; 2 blobs more, once the grace is over\n',
  )
  const { stdout } = await gc('--untagged', '--grace', '0s')
  assert.match(stdout, /^main: freed \d\.\d KiB, 1 of 2 manifests and 5 of 8 blobs\n$/)
})

test('what a gateway that ended lately told its clients is left alone, unless the grace is shortened', async (t) => {
  const gateway = await startGateway(t)
  await pushUnnamed(gateway, imageOf())
  await gateway.program.stop()
  const args = ['gc', '--config', gateway.configFile]
  const refused = await runCli(gateway.folder, args)
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /clients may still count on blobs .* try again after \d{4}-/)
  assert.equal((await runCli(gateway.folder, [...args, '--dry-run'])).code, 0)
  assert.equal((await runCli(gateway.folder, [...args, '--grace', '0s'])).code, 0)
})

test('a running gateway collects its store itself, and an account without the admin grant cannot make it', async (t) => {
  const gateway = await startGateway(t, {
    config: {
      access: [
        { repositories: ['**'], push: ['alice'], pull: ['bob'], delete: ['alice'] },
        { admin: ['alice'] },
      ],
      stores: { main: { filesystem: { root: 'data' }, gc: { grace: '1ms' } } },
    },
  })
  const image = imageOf()
  await pushUnnamed(gateway, image)
  const collect = (account: object) =>
    send(`${gateway.adminUrl}/api/stores/main/gc`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: '{"dryRun":true}',
      ...account,
    })
  assert.equal((await collect({})).status, 401)
  const bob = { account: { username: 'bob', password: 'bob-secret' } }
  assert.equal((await collect(bob)).status, 403)
  assert.match((await collect(alice)).text(), /"removedBlobs":2/)
  const done = await runCli(gateway.folder, ['gc', 'main', '--config', gateway.configFile, '--json'])
  assert.equal(done.code, 0, done.stderr)
  assert.equal(linesOf(done.stdout).at(-1)?.['removedBlobs'], 2)
  assert.equal(await isStored(gateway.folder, image.config.digest), false)
})

test('a store is collected when its schedule says so', async (t) => {
  const gateway = await startGateway(t, {
    config: {
      stores: { main: { filesystem: { root: 'data' }, gc: { schedule: '* * * * * *', grace: '1ms' } } },
    },
  })
  const image = imageOf()
  await pushUnnamed(gateway, image)
  await until('the blobs are gone', async () => !(await isStored(gateway.folder, image.config.digest)))
  const logged = () => gateway.log().find((line) => line.msg === 'garbage collected' && line['removedBlobs'])
  assert.equal((await until('it is logged', logged))['store'], 'main')
})

test('a shared store and a mirror are not collected', async (t) => {
  const { folder, configFile, gc } = await storeFolder(t)
  await writeConfig(configFile, { stores: { main: { filesystem: { root: 'data' }, shared: true } } })
  await startBundled(t, { root: join(folder, 'data') })
  const refused = await gc()
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /shared with another registry/)
  const stores = { main: { filesystem: { root: 'data' }, shared: true, gc: { schedule: '0 3 * * *' } } }
  await writeConfig(configFile, { stores })
  assert.match((await gc()).stderr, /gc\.schedule: a shared store is not collected/)
})

test('a pattern that is no schedule, and a longer grace than the configured one, are refused', async (t) => {
  const { configFile, gc } = await storeFolder(t)
  assert.match((await gc('--grace', '2h')).stderr, /shorter than the configured one/)
  await writeConfig(configFile, {
    stores: { main: { filesystem: { root: 'data' }, gc: { schedule: 'daily at 3' } } },
  })
  assert.match((await gc()).stderr, /must be a cron pattern/)
})

/** A configuration whose one store is the folder `data`, which no gateway serves. */
async function storeFolder(t: Scope) {
  const folder = await temporaryFolder(t)
  const configFile = join(folder, 'dockgate.yml')
  await writePasswords(folder, { alice: 'alice-secret', bob: 'bob-secret' })
  await writeConfig(configFile, {})
  const gc = (...args: string[]) => runCli(folder, ['gc', '--config', configFile, ...args])
  return { folder, configFile, gc }
}

/** Pushes the blobs of an image, and no manifest that names them. */
async function pushUnnamed({ url, ca, folder }: RunningGateway, { blobs }: Image): Promise<void> {
  for (const { digest, bytes } of blobs) {
    const place = `${url}/v2/team/app/blobs/uploads/?digest=${digest}`
    const options = { method: 'POST', body: bytes, ca, ...alice }
    const answer = await send(place, { ...options, headers: { 'Content-Type': 'application/octet-stream' } })
    if (answer.status === 202)
      await send(new URL(`${answer.headers.location}?digest=${digest}`, url), { ...options, method: 'PUT' })
    // Long ago, as far as the file system knows.
    await utimes(join(folder, 'data', blobDataPath(digest)), new Date(0), new Date(0)).catch(() => undefined)
  }
}

async function pullWhole(base: string, { manifest, blobs }: Image): Promise<void> {
  const headers = { Accept: manifest.mediaType }
  assert.deepEqual((await send(`${base}/manifests/${manifest.digest}`, { headers })).body, manifest.bytes)
  for (const { digest, bytes } of blobs) assert.deepEqual((await send(`${base}/blobs/${digest}`)).body, bytes)
}

async function isStored(folder: string, digest: Digest): Promise<boolean> {
  return stat(join(folder, 'data', blobDataPath(digest))).then(
    () => true,
    () => false,
  )
}

function linesOf(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
}
