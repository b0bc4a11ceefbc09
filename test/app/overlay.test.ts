// A mirror with an overlay: pushes are kept in a store of their own, and what is there wins.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { runCli } from '../cli/run-cli.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { send, type Answer, type RequestOptions } from '../support/http.ts'
import { startHub, type Hub } from '../support/hub.ts'
import { imageOf, type Image } from '../support/images.ts'
import { writeLayout } from '../support/oci-layout.ts'
import { temporaryFolder } from '../support/scope.ts'
import { copyImage, skopeoFor } from '../support/skopeo.ts'

const upstream = imageOf({ seed: 'upstream' })
const own = imageOf({ seed: 'own' })
const alice = { username: 'alice', password: 'alice-secret' }
const REPOSITORY = 'docker.io/library/app'

interface World {
  readonly hub: Hub
  readonly gateway: RunningGateway
  readonly ask: (path: string, options?: RequestOptions) => Promise<Answer>
  readonly push: (image: Image, name: string) => Promise<void>
}

async function start(t: TestContext): Promise<World> {
  const hub = await startHub(t, {
    images: { 'library/app:1': upstream, 'library/app:2': imageOf({ seed: 'second' }) },
  })
  const gateway = await startGateway(t, {
    config: {
      auth: { htpasswd: { file: 'htpasswd' }, token: 'off' },
      access: [
        { repositories: ['**'], pull: ['$anonymous'], push: ['alice'], delete: ['alice'] },
        { catalog: ['$anonymous'] },
      ],
      upstreams: { hub: { url: hub.url, namespace: 'docker.io' } },
      repositories: {
        'docker.io/**': { mirror: 'hub', store: 'mirror', overlay: 'main' },
        'team/**': { store: 'main' },
      },
      stores: { main: { filesystem: { root: 'data' } }, mirror: { filesystem: { root: 'mirror' } } },
    },
  })
  const skopeo = await skopeoFor(t)
  return {
    hub,
    gateway,
    ask: (path, options = {}) => send(`${gateway.url}/v2/${path}`, { ca: gateway.ca, ...options }),
    push: async (image, name) => {
      const folder = await temporaryFolder(t)
      await writeLayout(folder, { it: image })
      const to = { image: `docker://${gateway.host}/${name}`, credentials: 'alice:alice-secret' }
      await copyImage(skopeo, { image: `oci:${folder}:it` }, { ...to, caFolder: gateway.caFolder })
    },
  }
}

const digestOf = ({ headers }: Answer) => headers['docker-content-digest']

test('a pushed tag wins over the mirrored one, the rest is the mirror’s, and a delete brings that back', async (t) => {
  const { ask, push } = await start(t)
  assert.equal(digestOf(await ask(`${REPOSITORY}/manifests/1`)), upstream.manifest.digest)
  await push(own, `${REPOSITORY}:1`)
  assert.equal(digestOf(await ask(`${REPOSITORY}/manifests/1`)), own.manifest.digest)
  assert.equal((await ask(`${REPOSITORY}/manifests/2`)).status, 200)
  assert.equal((await ask(`${REPOSITORY}/manifests/${upstream.manifest.digest}`)).status, 200)
  assert.equal((await ask(`${REPOSITORY}/blobs/${upstream.config.digest}`)).status, 200)
  assert.equal((await ask(`${REPOSITORY}/blobs/${own.config.digest}`)).status, 200)
  const gone = await ask(`${REPOSITORY}/manifests/1`, { method: 'DELETE', account: alice })
  assert.equal(gone.status, 202)
  assert.equal(digestOf(await ask(`${REPOSITORY}/manifests/1`)), upstream.manifest.digest)
})

test('what is mirrored can not be deleted', async (t) => {
  const { ask } = await start(t)
  for (const path of [
    'manifests/1',
    `manifests/${upstream.manifest.digest}`,
    `blobs/${upstream.config.digest}`,
  ]) {
    await ask(`${REPOSITORY}/${path}`)
    const refused = await ask(`${REPOSITORY}/${path}`, { method: 'DELETE', account: alice })
    assert.equal(refused.status, 404)
    assert.match(refused.text(), /can not be deleted/)
    assert.equal((await ask(`${REPOSITORY}/${path}`)).status, 200)
  }
})

test('a push that leaves out what the mirror has is whole: it is pulled while the upstream is gone, the mirror too', async (t) => {
  const { hub, ask } = await start(t)
  for (const blob of [upstream.config, ...upstream.layers])
    assert.equal((await ask(`${REPOSITORY}/blobs/${blob.digest}`, { method: 'HEAD' })).status, 200)
  const { bytes, mediaType } = upstream.manifest
  const headers = { 'Content-Type': mediaType }
  const put = await ask(`${REPOSITORY}/manifests/mine`, {
    method: 'PUT',
    headers,
    body: bytes,
    account: alice,
  })
  assert.equal(put.status, 201)
  await hub.down()
  for (const blob of [upstream.config, ...upstream.layers]) {
    const { status, body } = await ask(`${REPOSITORY}/blobs/${blob.digest}`)
    assert.equal(status, 200)
    assert.deepEqual(body, blob.bytes)
  }
})

test('a push that names what neither has is refused', async (t) => {
  const { ask } = await start(t)
  const { bytes, mediaType } = imageOf({ seed: 'nowhere' }).manifest
  const headers = { 'Content-Type': mediaType }
  const put = await ask(`${REPOSITORY}/manifests/x`, { method: 'PUT', headers, body: bytes, account: alice })
  assert.equal(put.status, 400)
  assert.equal(put.json<{ errors: { code: string }[] }>().errors[0]?.code, 'MANIFEST_BLOB_UNKNOWN')
})

test('listings hold what was pushed and what is mirrored, in order, once, page by page', async (t) => {
  const { hub, ask, push } = await start(t)
  await push(own, `${REPOSITORY}:1`)
  await push(own, `${REPOSITORY}:0-mine`)
  await push(own, 'team/app:1')
  await push(own, 'docker.io/acme/only-here:1')
  await ask(`${REPOSITORY}/manifests/2`)
  const tags = (path: string) => ask(path).then((answer) => answer.json<{ tags: string[] }>().tags)
  assert.deepEqual(await tags(`${REPOSITORY}/tags/list`), ['0-mine', '1', '2'])
  assert.deepEqual(await tags(`${REPOSITORY}/tags/list?n=2`), ['0-mine', '1'])
  assert.deepEqual(await tags(`${REPOSITORY}/tags/list?n=2&last=1`), ['2'])
  assert.deepEqual(await tags('docker.io/acme/only-here/tags/list'), ['1'])
  const catalog = (await ask('_catalog')).json<{ repositories: string[] }>().repositories
  assert.deepEqual(catalog, ['docker.io/acme/only-here', REPOSITORY, 'team/app'])
  await hub.down()
  assert.deepEqual(await tags('docker.io/acme/only-here/tags/list'), ['1'])
})

test('commands on stores know what was pushed over a mirror', async (t) => {
  const { gateway, push } = await start(t)
  await push(own, `${REPOSITORY}:1`)
  const { folder, configFile } = gateway
  const { code, stdout } = await runCli(folder, ['tags', REPOSITORY, '--json', '--config', configFile])
  assert.equal(code, 0)
  assert.match(stdout, new RegExp(own.manifest.digest))
})
