import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { runCli } from '../cli/run-cli.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { send } from '../support/http.ts'
import { startHub } from '../support/hub.ts'
import { imageOf } from '../support/images.ts'
import { until } from '../support/until.ts'

const [first, second] = [imageOf({ seed: 'first' }), imageOf({ seed: 'second' })]

function startMirror(
  t: TestContext,
  upstream: string,
  route: Readonly<Record<string, unknown>>,
  folder?: string,
): Promise<RunningGateway> {
  return startGateway(t, {
    ...(folder === undefined ? {} : { folder }),
    config: {
      access: [{ repositories: ['docker.io/**'], pull: ['$anonymous'] }],
      upstreams: { hub: { url: upstream, namespace: 'docker.io', tagTtl: '1ms' } },
      repositories: { 'docker.io/**': { mirror: 'hub', store: 'mirror', ...route }, '**': { store: 'main' } },
      stores: { main: { filesystem: { root: 'data' } }, mirror: { filesystem: { root: 'mirror' } } },
    },
  })
}

function pull({ url, ca }: RunningGateway) {
  return send(`${url}/v2/docker.io/library/alpine/manifests/3`, { ca })
}

async function digestOf(gateway: RunningGateway): Promise<unknown> {
  const { status, headers } = await pull(gateway)
  return status === 200 ? headers['docker-content-digest'] : status
}

test('a tag that moved is held, let through by an exception, told by its history, and goes back by a date', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:3': first } })
  const held = await startMirror(t, hub.url, { hold: '3d' })
  assert.equal(await digestOf(held), first.manifest.digest)
  hub.add('library/alpine:3', second)
  await until('the change is seen', async () => {
    const { headers } = await pull(held)
    assert.equal(headers['docker-content-digest'], first.manifest.digest)
    return String(headers['warning']).includes(`${second.manifest.digest} is held until`)
  })
  const shown = await runCli(held.folder, [
    'mirror',
    'history',
    'docker.io/alpine:3',
    '-c',
    'dockgate.yml',
    '--json',
  ])
  const { history, held: quarantined } = JSON.parse(shown.stdout) as {
    history: { digest: string; firstSeen: string }[]
    held: { digest: string }
  }
  assert.equal(quarantined.digest, second.manifest.digest)
  assert.deepEqual(
    history.map(({ digest }) => digest),
    [first.manifest.digest, second.manifest.digest],
  )
  await held.program.stop()

  const holdExcept = [second.manifest.digest]
  const exempt = await startMirror(t, hub.url, { hold: '3d', holdExcept }, held.folder)
  assert.equal(await digestOf(exempt), second.manifest.digest)
  await exempt.program.stop()

  await hub.down()
  const before = new Date(Date.parse(history[1]?.firstSeen ?? '') - 1).toISOString()
  const past = await startMirror(t, hub.url, { asOf: before }, held.folder)
  assert.equal(await digestOf(past), first.manifest.digest)
  const tags = await send(`${past.url}/v2/docker.io/library/alpine/tags/list`, { ca: past.ca })
  assert.deepEqual(tags.json(), { name: 'docker.io/library/alpine', tags: ['3'] })
  await past.program.stop()
  const tooEarly = await startMirror(t, hub.url, { asOf: '2020-01-01' }, held.folder)
  assert.equal(await digestOf(tooEarly), 404)
})
