import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { parseTag } from '../../src/oci/reference.ts'
import { writeConfig } from '../support/gateway.ts'
import { startHub } from '../support/hub.ts'
import { imageOf } from '../support/images.ts'
import { known } from '../support/known.ts'
import { temporaryFolder } from '../support/scope.ts'
import { ALPINE, HOUR_MS, startMirror } from '../core/mirror/mirror-fixture.ts'
import { runCli } from './run-cli.ts'

const [first, second] = [imageOf({ seed: 'first' }), imageOf({ seed: 'second' })]

/** A store whose tag 3.20 moved from the first image to the second one and was taken back, after an hour each. */
async function folderWithHistory(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t)
  await writeConfig(join(folder, 'dockgate.yml'), {
    auth: {},
    upstreams: { hub: { url: 'https://registry-1.docker.io', namespace: 'docker.io' } },
    repositories: { 'docker.io/**': { mirror: 'hub', store: 'mirror' }, '**': { store: 'main' } },
    stores: { main: { filesystem: { root: 'data' } }, mirror: { filesystem: { root: 'mirror' } } },
  })
  const hub = await startHub(t, { images: { 'library/alpine:3.20': first } })
  const { registry, clock } = await startMirror(t, hub.url, { root: join(folder, 'mirror') })
  const pull = () => registry.getManifest(ALPINE, known(parseTag('3.20')))
  await pull()
  clock.now += HOUR_MS
  await pull()
  hub.add('library/alpine:3.20', second)
  clock.now += HOUR_MS
  await pull()
  hub.deleteTag('library/alpine', '3.20')
  clock.now += HOUR_MS
  await assert.rejects(pull())
  return folder
}

test('mirror history shows what a tag meant and when, by any spelling of its name', async (t) => {
  const folder = await folderWithHistory(t)
  const shown = await runCli(folder, ['mirror', 'history', 'docker.io/alpine:3.20', '-c', 'dockgate.yml'])
  assert.equal(shown.code, 0, shown.stderr)
  assert.deepEqual(shown.stdout.trim().split('\n'), [
    `2026-11-22T00:00:00.000Z\t2026-11-22T01:00:00.000Z\t${first.manifest.digest}`,
    `2026-11-22T02:00:00.000Z\t2026-11-22T02:00:00.000Z\t${second.manifest.digest}`,
    '2026-11-22T03:00:00.000Z\t2026-11-22T03:00:00.000Z\tgone',
  ])
  const json = await runCli(folder, ['mirror', 'history', `${ALPINE}:3.20`, '-c', 'dockgate.yml', '--json'])
  const { repository, tag, history } = JSON.parse(json.stdout) as Record<string, unknown>
  assert.deepEqual([repository, tag], [ALPINE, '3.20'])
  assert.deepEqual(
    (history as { digest: string | null }[]).map(({ digest }) => digest),
    [first.manifest.digest, second.manifest.digest, null],
  )
})

test('mirror history says in one line what is wrong with a name', async (t) => {
  const folder = await folderWithHistory(t)
  const complaint = async (image: string) => {
    const { code, stderr } = await runCli(folder, ['mirror', 'history', image, '-c', 'dockgate.yml'])
    assert.equal(code, 1)
    return stderr
  }
  assert.match(await complaint('docker.io/alpine'), /^dockgate: "docker.io\/alpine" names no tag/)
  assert.match(await complaint('team/app:1'), /^dockgate: team\/app is not mirrored/)
  assert.match(
    await complaint('docker.io/alpine:1'),
    /^dockgate: nothing is known of docker.io\/library\/alpine:1/,
  )
})
