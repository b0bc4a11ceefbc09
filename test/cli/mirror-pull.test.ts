// `dockgate mirror pull`: through the gateway that serves the mirror, and without one; and by the clock.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { startGateway, writeConfig, writePasswords, type RunningGateway } from '../support/gateway.ts'
import { send } from '../support/http.ts'
import { startHub, type Hub } from '../support/hub.ts'
import { imageOf, multiArch, type Image } from '../support/images.ts'
import { temporaryFolder } from '../support/scope.ts'
import { until } from '../support/until.ts'
import { runCli, type Finished } from './run-cli.ts'

const several = multiArch({ seed: 'several' })
const single = imageOf({ seed: 'single' })
const IMAGE = 'docker.io/library/several:1'

interface World {
  readonly hub: Hub
  readonly folder: string
  readonly config: Readonly<Record<string, unknown>>
  readonly pull: (...args: string[]) => Promise<Finished>
}

async function setUp(t: TestContext): Promise<World> {
  const hub = await startHub(t, { images: { 'library/several:1': several, 'library/single:1': single } })
  const folder = await temporaryFolder(t)
  const config = {
    access: [{ repositories: ['docker.io/**'], pull: ['$anonymous'] }],
    upstreams: { hub: { url: hub.url, namespace: 'docker.io' } },
    repositories: { 'docker.io/**': { mirror: 'hub', store: 'mirror' }, '**': { store: 'main' } },
    stores: { main: { filesystem: { root: 'data' } }, mirror: { filesystem: { root: 'mirror' } } },
  }
  await writePasswords(folder, { alice: 'alice-secret' })
  await writeConfig(join(folder, 'dockgate.yml'), config)
  const pull = (...args: string[]) => runCli(folder, ['mirror', 'pull', ...args, '--config', 'dockgate.yml'])
  return { hub, folder, config, pull }
}

async function statuses({ url, ca }: RunningGateway, name: string, image: Image): Promise<number[]> {
  const digests = [image.config, ...image.layers].map(({ digest }) => `blobs/${digest}`)
  const asked = [`manifests/${image.manifest.digest}`, ...digests].map(async (path) => {
    const { status } = await send(`${url}/v2/docker.io/library/${name}/${path}`, { ca })
    return status
  })
  return [...new Set(await Promise.all(asked))]
}

function imageFor(architecture: string): Image {
  const image = several.images.find(({ platform }) => platform.architecture === architecture)
  assert.ok(image)
  return image
}

test('the gateway that runs fetches what is asked for, and serves it when the upstream is gone', async (t) => {
  const { hub, folder, config, pull } = await setUp(t)
  const gateway = await startGateway(t, { folder, config })
  const { code, stdout, stderr } = await pull(IMAGE, '--platform', 'linux/amd64', '--json')
  assert.equal(code, 0, stderr)
  const { fetchedBlobs, manifests, digest } = JSON.parse(stdout) as Record<string, unknown>
  const [amd64, arm64] = [imageFor('amd64'), imageFor('arm64')]
  assert.deepEqual([digest, manifests, fetchedBlobs], [several.manifest.digest, 2, amd64.layers.length + 1])
  const steps = stderr.split('\n').filter((line) => line.startsWith('{'))
  assert.ok(steps.length > 0 && steps.every((line) => 'doneBytes' in (JSON.parse(line) as object)))
  await hub.down()
  assert.deepEqual(await statuses(gateway, 'several', amd64), [200])
  assert.ok(!(await statuses(gateway, 'several', arm64)).includes(200))
})

test('without a gateway the command fetches itself, every platform; run again, it fetches nothing', async (t) => {
  const { hub, folder, config, pull } = await setUp(t)
  const first = await pull(IMAGE)
  assert.equal(first.code, 0, first.stderr)
  assert.match(
    first.stdout,
    /^docker\.io\/library\/several:1: sha256:\w+, 3 manifests; fetched \d+ of \d+ blobs/,
  )
  hub.forgetRequests()
  const again = await pull(IMAGE, '--json')
  assert.equal((JSON.parse(again.stdout) as { fetchedBlobs: number }).fetchedBlobs, 0)
  assert.deepEqual(hub.received({ path: /blobs/ }), [])
  await hub.down()
  const gateway = await startGateway(t, { folder, config })
  for (const image of several.images) assert.deepEqual(await statuses(gateway, 'several', image), [200])
})

test('what broke off goes on where it was, and one image that fails keeps no other out', async (t) => {
  const { hub, pull } = await setUp(t)
  const [layer] = single.layers
  assert.ok(layer)
  const fault = hub.fail({ path: layer.digest }, { kind: 'status', status: 404 })
  const broken = await pull('docker.io/library/single:1', IMAGE, '--json')
  assert.equal(broken.code, 1)
  assert.match(broken.stderr, /1 image not pulled/)
  const [failed, pulled] = broken.stdout.trim().split('\n')
  assert.match(failed ?? '', /"error":/)
  assert.match(pulled ?? '', /"fetchedBlobs":/)
  fault.remove()
  const { stdout } = await pull('docker.io/library/single:1', '--json')
  assert.equal((JSON.parse(stdout) as { fetchedBlobs: number }).fetchedBlobs, 1)
})

test('what can not be pulled is refused in one line that says what to do', async (t) => {
  const { pull } = await setUp(t)
  const refusal = async (...args: string[]) => {
    const { code, stdout, stderr } = await pull(...args)
    assert.equal(code, 1)
    return stdout + stderr
  }
  assert.match(await refusal('team/app:1'), /team\/app is not mirrored/)
  assert.match(await refusal('docker.io/library/several:?'), /is no image: write/)
  assert.match(await refusal(IMAGE, '--platform', 'linux'), /is no platform: write linux\/amd64/)
  assert.match(await refusal(IMAGE, '--platform', 'plan9/mips'), /there is no image for plan9\/mips/)
  assert.match(await refusal('docker.io/library/none:1'), /denies access|not known/)
})

test('what the configuration names is pulled by the clock', async (t) => {
  const { hub, folder, config } = await setUp(t)
  const warmUp = [{ schedule: '* * * * * *', images: [IMAGE], platforms: ['linux/arm64'] }]
  const gateway = await startGateway(t, { folder, config: { ...config, warmUp } })
  await until('it is pulled', () => gateway.log().some(({ msg }) => msg === 'image pulled ahead'))
  await hub.down()
  assert.deepEqual(await statuses(gateway, 'several', imageFor('arm64')), [200])
})
