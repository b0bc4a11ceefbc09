// The commands on what is stored: alone on the folder, and through the gateway that serves it.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { blobDataPath } from '../../src/core/content/layout.ts'
import { MAIN, startGateway, writeConfig, type RunningGateway } from '../support/gateway.ts'
import { send } from '../support/http.ts'
import { imageOf, multiArch, type Image } from '../support/images.ts'
import { temporaryFolder } from '../support/scope.ts'
import { until } from '../support/until.ts'
import { repository, tag } from '../core/content/content.ts'
import { bodyOf, CONTEXT, pushBlobs, startBundled } from '../core/bundled/bundled.ts'
import { runCli, type Finished } from './run-cli.ts'

const TEAM = repository('team/app')
const ALICE = { username: 'alice', password: 'alice-secret' }

/** A folder with a configuration and a store that no gateway serves. */
async function folderWith(
  t: TestContext,
  images: Readonly<Record<string, Image>>,
  store: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const folder = await temporaryFolder(t)
  const main = { filesystem: { root: join(folder, 'data') }, ...store }
  await writeConfig(join(folder, 'dockgate.yml'), { auth: {}, access: [], stores: { main } })
  const bundled = await startBundled(t, { root: join(folder, 'data') })
  for (const [name, image] of Object.entries(images)) {
    await pushBlobs(bundled, TEAM, image)
    await bundled.registry.putManifest(TEAM, tag(name), bodyOf(image.manifest), CONTEXT)
  }
  return folder
}

function run(folder: string, ...args: string[]): Promise<Finished> {
  return runCli(folder, [...args, '--config', 'dockgate.yml'])
}

async function manifestStatus({ url, ca }: RunningGateway, reference: string): Promise<number> {
  const accept = { Accept: '*/*' }
  return (await send(`${url}/v2/team/app/manifests/${reference}`, { ca, account: ALICE, headers: accept }))
    .status
}

test('tags lists each tag with its digest, and an unknown repository is one line and exit code 1', async (t) => {
  const image = imageOf()
  const folder = await folderWith(t, { v1: image, v2: image })
  const listed = await run(folder, 'tags', 'team/app')
  assert.equal(listed.code, 0, listed.stderr)
  assert.deepEqual(
    listed.stdout
      .trim()
      .split('\n')
      .map((line) => line.split('\t').slice(0, 2)),
    [
      ['v1', image.manifest.digest],
      ['v2', image.manifest.digest],
    ],
  )
  assert.match(listed.stdout, /\t\d{4}-\d\d-\d\dT[\d:.]+Z$/m)
  const json = JSON.parse((await run(folder, 'tags', 'team/app', '--json')).stdout) as { tag: string }[]
  assert.deepEqual(
    json.map((each) => each.tag),
    ['v1', 'v2'],
  )
  const unknown = await run(folder, 'tags', 'team/other')
  assert.equal(unknown.code, 1)
  assert.equal(unknown.stderr, 'dockgate: there is no repository team/other\n')
})

test('output that nobody reads to the end is no error', async (t) => {
  const folder = await folderWith(t, { v1: imageOf() })
  const command = `"$0" "$1" tags team/app --config dockgate.yml | true; echo "\${PIPESTATUS[0]}"`
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', command, process.execPath, MAIN], {
    cwd: folder,
  })
  assert.deepEqual([stdout, stderr], ['0\n', ''])
})

test('a read-only store is neither scrubbed nor indexed anew', async (t) => {
  const image = imageOf()
  const folder = await folderWith(t, { v1: image }, { readOnly: true })
  const path = join(folder, 'data', blobDataPath(image.config.digest))
  await writeFile(path, Buffer.alloc(image.config.size))
  for (const command of [['scrub'], ['index', 'rebuild']]) {
    const refused = await run(folder, ...command)
    assert.deepEqual([refused.code, refused.stderr], [1, 'dockgate: the store is read-only\n'])
  }
  assert.equal((await stat(path)).size, image.config.size)
})

test('inspect tells type, size, platforms, parts and tags of an image', async (t) => {
  const image = imageOf({ layers: 2 })
  const folder = await folderWith(t, { v1: image })
  const { stdout, code } = await run(folder, 'inspect', 'team/app:v1', '--json')
  assert.equal(code, 0)
  const found = JSON.parse(stdout) as Record<string, unknown>
  assert.equal(found['digest'], image.manifest.digest)
  assert.deepEqual(found['platforms'], ['linux/amd64'])
  assert.deepEqual(found['tags'], ['v1'])
  const bytes = [image.manifest, ...image.blobs].reduce((sum, { size }) => sum + size, 0)
  assert.equal(found['size'], bytes)
  const text = await run(folder, 'inspect', `team/app@${image.manifest.digest}`)
  assert.match(text.stdout, /^platform {2}linux\/amd64$/m)
  assert.match((await run(folder, 'inspect', 'team/app')).stdout, /1 tag, 1 manifest, 3 blobs/)
})

test('delete says what would go, then removes it, and leaves the blobs that another repository holds', async (t) => {
  const image = imageOf()
  const folder = await folderWith(t, { v1: image, v2: image })
  const bundled = await startBundled(t, { root: join(folder, 'data') })
  const other = repository('team/app/sub')
  await pushBlobs(bundled, other, image)
  await bundled.registry.putManifest(other, tag('v1'), bodyOf(image.manifest), CONTEXT)
  const dry = await run(folder, 'delete', 'team/app', '--dry-run')
  assert.match(dry.stdout, /would remove 2 tags and 1 manifest/)
  assert.equal((await run(folder, 'delete', 'team/app:v1')).code, 0)
  assert.match((await run(folder, 'tags', 'team/app')).stdout, /^v2\t/)
  const all = await run(folder, 'delete', 'team/app', '--json')
  assert.equal((JSON.parse(all.stdout) as { manifestCount: number }).manifestCount, 1)
  assert.equal((await run(folder, 'tags', 'team/app')).code, 1)
  const kept = await bundled.registry.getManifest(other, tag('v1'), CONTEXT)
  assert.equal(kept.manifest.digest, image.manifest.digest)
  assert.equal((await bundled.registry.statBlob(other, image.config.digest, CONTEXT)).size, image.config.size)
})

test('an image that an index holds is deleted with --force alone', async (t) => {
  const folder = await folderWith(t, {})
  const bundled = await startBundled(t, { root: join(folder, 'data') })
  const index = multiArch()
  for (const image of index.images) {
    await pushBlobs(bundled, TEAM, image)
    await bundled.registry.putManifest(TEAM, image.manifest.digest, bodyOf(image.manifest), CONTEXT)
  }
  await bundled.registry.putManifest(TEAM, tag('multi'), bodyOf(index.manifest), CONTEXT)
  const child = index.images[0]?.manifest.digest ?? ''
  const refused = await run(folder, 'delete', `team/app@${child}`)
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, new RegExp(`belongs to the index ${index.manifest.digest}`))
  const forced = await run(folder, 'delete', `team/app@${child}`, '--force')
  assert.equal(forced.code, 0)
  assert.match(forced.stdout, new RegExp(`broken by it: ${index.manifest.digest}`))
})

test('a command works through the gateway that serves the store: its caches forget what was deleted', async (t) => {
  const image = imageOf()
  const folder = await folderWith(t, { v1: image, v2: image })
  const gateway = await startGateway(t, { folder })
  assert.equal(await manifestStatus(gateway, 'v1'), 200)
  assert.equal(await manifestStatus(gateway, 'v1'), 200)
  const deleted = await run(folder, 'delete', 'team/app:v1')
  assert.equal(deleted.code, 0, deleted.stderr)
  assert.equal(await manifestStatus(gateway, 'v1'), 404)
  assert.equal(await manifestStatus(gateway, image.manifest.digest), 200)
  assert.match((await run(folder, 'tags', 'team/app')).stdout, /^v2\t/)
  assert.equal((await run(folder, 'delete', 'team/app')).code, 0)
  assert.equal(await manifestStatus(gateway, 'v2'), 404)
  assert.equal(await manifestStatus(gateway, image.manifest.digest), 404)
})

test('the lock of a running gateway is for its own account alone, and is gone when it has stopped', async (t) => {
  const gateway = await startGateway(t, {})
  const lock = join(gateway.folder, 'data', 'dockgate', 'lock')
  assert.equal((await stat(lock)).mode & 0o777, 0o600)
  await gateway.program.stop()
  await assert.rejects(stat(lock), { code: 'ENOENT' })
})

test('a gateway that was killed does not keep commands off its store', async (t) => {
  const folder = await folderWith(t, { v1: imageOf() })
  const gateway = await startGateway(t, { folder })
  await gateway.program.kill()
  const deleted = await run(folder, 'delete', 'team/app:v1')
  assert.equal(deleted.code, 0, deleted.stderr)
})

test('scrub moves a damaged blob aside, names the tags that are hit, and exits with 1', async (t) => {
  const image = imageOf({ layers: 2 })
  const folder = await folderWith(t, { v1: image })
  const clean = await run(folder, 'scrub', '--rate', '1GiB')
  assert.equal(clean.code, 0, clean.stderr)
  assert.match(clean.stdout, /^main: read 4 blobs, /)
  const [layer] = image.layers
  assert.ok(layer)
  const path = join(folder, 'data', blobDataPath(layer.digest))
  await writeFile(path, Buffer.alloc(layer.size))
  const found = await run(folder, 'scrub', 'main', '--rate', '1GiB')
  assert.equal(found.code, 1)
  assert.match(found.stdout, new RegExp(`^damaged: ${layer.digest}, moved to dockgate/quarantine/`, 'm'))
  assert.match(found.stdout, /^hit: team\/app:v1$/m)
  assert.match(found.stderr, /"damaged":\[\{"digest"/)
  await assert.rejects(readFile(path), { code: 'ENOENT' })
  assert.equal((await readdir(join(folder, 'data', 'dockgate', 'quarantine', 'sha256'))).length, 1)
  assert.match((await run(folder, 'inspect', 'team/app:v1')).stdout, /MISSING/)
})

test('scrub through a running gateway heals by the next push', async (t) => {
  const image = imageOf()
  const folder = await folderWith(t, { v1: image })
  const gateway = await startGateway(t, { folder })
  const path = join(folder, 'data', blobDataPath(image.config.digest))
  await writeFile(path, Buffer.alloc(image.config.size))
  assert.equal((await run(folder, 'scrub', '--rate', '1GiB')).code, 1)
  const blob = `${gateway.url}/v2/team/app/blobs/${image.config.digest}`
  const asked = { ca: gateway.ca, account: ALICE }
  assert.equal((await send(blob, { ...asked, method: 'HEAD' })).status, 404)
  const push = `${gateway.url}/v2/team/app/blobs/uploads/?digest=${image.config.digest}`
  assert.equal((await send(push, { ...asked, method: 'POST', body: image.config.bytes })).status, 201)
  assert.deepEqual((await send(blob, asked)).body, image.config.bytes)
  await until('the log tells of the damage', () =>
    gateway.log().some(({ msg }) => msg === 'damaged content moved aside: push it again'),
  )
})

test('retention removes what no rule keeps, and only says so in a dry run', async (t) => {
  const image = imageOf()
  const tags = [{ tags: ['build-*'], keep: { newest: 1 } }]
  const folder = await folderWith(t, { 'build-1': image, 'build-2': image, stable: image }, { tags })
  const dry = await run(folder, 'retention', '--dry-run')
  assert.match(dry.stdout, /main: would remove 1 of 2 tags/)
  assert.match((await run(folder, 'retention')).stdout, /main: removed 1 of 2 tags/)
  assert.equal((await run(folder, 'tags', 'team/app')).stdout.split('\n').length, 3)
})

test('index rebuild lists referrers anew', async (t) => {
  const folder = await folderWith(t, { v1: imageOf() })
  const rebuilt = await run(folder, 'index', 'rebuild', 'main', '--json')
  assert.equal(rebuilt.code, 0, rebuilt.stderr)
  assert.deepEqual(JSON.parse(rebuilt.stdout), {
    store: 'main',
    repositories: 1,
    manifests: 1,
    added: 0,
    removed: 0,
  })
})

test('what is no name, no store, or not kept here is one line and exit code 1', async (t) => {
  const folder = await folderWith(t, {})
  const wrong = await run(folder, 'delete', 'Team/App:v1')
  assert.equal(wrong.stderr, 'dockgate: "Team/App" is not the name of a repository\n')
  assert.equal((await run(folder, 'inspect', 'team/app:.bad')).code, 1)
  const store = await run(folder, 'scrub', 'other')
  assert.equal(store.stderr, 'dockgate: there is no store other: the configuration has main\n')
  assert.deepEqual([wrong.code, store.code], [1, 1])
})
