import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { startDockerRegistry } from '../support/docker-registry.ts'
import { startGateway, type GatewayOptions, type RunningGateway } from '../support/gateway.ts'
import { send } from '../support/http.ts'
import { startHub } from '../support/hub.ts'
import { imageOf, multiArch } from '../support/images.ts'
import { readLayout, writeLayout } from '../support/oci-layout.ts'
import { temporaryFolder } from '../support/scope.ts'
import { copyImage, skopeoFor } from '../support/skopeo.ts'
import { until } from '../support/until.ts'

const alpine = multiArch({ seed: 'alpine' })

function startMirror(
  t: TestContext,
  upstream: string,
  options: GatewayOptions = {},
): Promise<RunningGateway> {
  return startGateway(t, {
    ...options,
    config: {
      access: [{ repositories: ['docker.io/**'], pull: ['$anonymous'] }],
      hosts: { localhost: { defaultNamespace: 'docker.io' } },
      upstreams: { hub: { url: upstream, namespace: 'docker.io' } },
      repositories: {
        'docker.io/**': { mirror: 'hub', store: 'mirror', tagTtl: '2d' },
        '**': { store: 'main' },
      },
      stores: { main: { filesystem: { root: 'data' } }, mirror: { filesystem: { root: 'mirror' } } },
      ...options.config,
    },
  })
}

test('skopeo pulls through the mirror; the second pull, and one with the Hub down, cost no request', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:3': alpine } })
  const [gateway, skopeo, folder] = [
    await startMirror(t, hub.url),
    await skopeoFor(t),
    await temporaryFolder(t),
  ]
  const pull = (name: string, to: string) =>
    copyImage(
      skopeo,
      { image: `docker://${gateway.host}/${name}`, caFolder: gateway.caFolder },
      { image: `oci:${folder}/${to}:x` },
    )
  await pull('docker.io/library/alpine:3', 'first')
  assert.equal((await readLayout(join(folder, 'first')))['x']?.digest, alpine.manifest.digest)
  assert.deepEqual(hub.leaks(), [])
  hub.forgetRequests()
  await pull('docker.io/alpine:3', 'second')
  assert.equal(hub.requests.length, 0)
  await hub.down()
  await pull('docker.io/library/alpine:3', 'third')
  assert.equal((await readLayout(join(folder, 'third')))['x']?.digest, alpine.manifest.digest)
})

test('the mirror starts while the Hub is down, and serves what an earlier run kept', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:3': alpine } })
  const first = await startMirror(t, hub.url)
  const path = '/v2/docker.io/library/alpine/manifests/3'
  assert.equal((await send(first.url + path, { ca: first.ca })).status, 200)
  await first.program.stop()
  await hub.down()
  const again = await startMirror(t, hub.url, { folder: first.folder })
  const answer = await send(again.url + path, { ca: again.ca })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['docker-content-digest'], alpine.manifest.digest)
  const unknown = await send(`${again.url}/v2/docker.io/library/never/manifests/1`, { ca: again.ca })
  assert.equal(unknown.status, 503)
})

test('one image is one, however its name is spelled: by path, by ns, by the host’s namespace', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:3': alpine } })
  const { url, ca } = await startMirror(t, hub.url)
  const digestAt = async (path: string, host?: string) => {
    const answer = await send(url + path, { ca, headers: host === undefined ? {} : { host } })
    return answer.headers['docker-content-digest']
  }
  const digest = alpine.manifest.digest
  assert.equal(await digestAt('/v2/docker.io/library/alpine/manifests/3'), digest)
  hub.forgetRequests()
  assert.equal(await digestAt('/v2/library/alpine/manifests/3?ns=docker.io'), digest)
  assert.equal(await digestAt('/v2/library/alpine/manifests/3', 'localhost'), digest)
  assert.equal(await digestAt('/v2/alpine/manifests/3', 'localhost:5443'), digest)
  assert.equal(hub.requests.length, 0)
})

test('a login that a client sends to the mirror reaches neither the Hub nor its CDN', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:3': alpine } })
  const gateway = await startMirror(t, hub.url)
  const options = { ca: gateway.ca, account: { username: 'alice', password: 'alice-secret' } }
  const [image] = alpine.images
  await send(`${gateway.url}/v2/docker.io/library/alpine/manifests/3`, options)
  await send(`${gateway.url}/v2/docker.io/library/alpine/blobs/${image?.config.digest}`, options)
  const sent = JSON.stringify(hub.requests.map(({ path, headers, body }) => [path, headers, body]))
  assert.ok(hub.requests.some(({ server }) => server === 'cdn'))
  assert.doesNotMatch(sent, /YWxpY2U6|alice/)
})

test('the Hub’s 429 is handed on with its Retry-After when nothing is cached', async (t) => {
  const hub = await startHub(t, { images: { 'library/alpine:3': alpine } })
  const { url, ca } = await startMirror(t, hub.url)
  hub.fail({ server: 'registry', path: /manifests/ }, { kind: 'status', status: 429, retryAfter: 17 })
  const answer = await send(`${url}/v2/docker.io/library/alpine/manifests/3`, { ca })
  assert.equal(answer.status, 429)
  assert.equal(answer.headers['retry-after'], '17')
  assert.equal(answer.json<{ errors: { code: string }[] }>().errors[0]?.code, 'TOOMANYREQUESTS')
})

test('a push to a mirrored name is refused clearly', async (t) => {
  const hub = await startHub(t)
  const { url, ca } = await startMirror(t, hub.url, {
    config: { access: [{ repositories: ['**'], push: ['alice'] }] },
  })
  const account = { username: 'alice', password: 'alice-secret' }
  const path = '/v2/docker.io/acme/app/blobs/uploads/'
  const answer = await send(url + path, { method: 'POST', ca, account })
  assert.equal(answer.status, 405)
  assert.match(answer.text(), /is a mirror/)
})

test('registry:2 is mirrored as well', async (t) => {
  const [core, skopeo, folder] = [await startDockerRegistry(t), await skopeoFor(t), await temporaryFolder(t)]
  const image = imageOf({ layers: 20 })
  await writeLayout(join(folder, 'in'), { '1': image })
  await copyImage(skopeo, { image: `oci:${folder}/in:1` }, { image: `docker://${core.host}/acme/app:1` })
  const { host, caFolder } = await startMirror(t, core.url)
  const pull = { image: `docker://${host}/docker.io/acme/app:1`, caFolder }
  await copyImage(skopeo, pull, { image: `oci:${folder}/out:1` })
  await core.stop()
  await copyImage(skopeo, pull, { image: `oci:${folder}/again:1` })
  assert.equal((await readLayout(join(folder, 'again')))['1']?.digest, image.manifest.digest)
})

test('workers share downloads and one store, which stays within its size; metrics tell how full it is', async (t) => {
  const images = Array.from({ length: 4 }, (_, at) => imageOf({ seed: `large ${at}`, layerBytes: 400_000 }))
  const hub = await startHub(t, {
    images: Object.fromEntries(images.map((image, at) => [`library/large:${at}`, image])),
  })
  const { url, ca, adminUrl, folder } = await startMirror(t, hub.url, {
    config: {
      workers: 2,
      stores: {
        main: { filesystem: { root: 'data' } },
        mirror: { filesystem: { root: 'mirror' }, maxSize: '1MiB' },
      },
    },
  })
  for (const [at, image] of images.entries()) {
    await send(`${url}/v2/docker.io/library/large/manifests/${at}`, { ca })
    const blobs = image.blobs.flatMap(({ digest, bytes }) =>
      Array.from({ length: 8 }, async () => {
        // Each comes by a connection of its own, to whichever worker.
        const { body } = await send(`${url}/v2/docker.io/library/large/blobs/${digest}`, { ca })
        assert(body.equals(bytes))
      }),
    )
    await Promise.all(blobs)
  }
  assert.equal(hub.received({ server: 'cdn', method: 'GET' }).length, images.length * 2)
  const figure = async (name: string): Promise<number> => {
    const metrics = (await send(`${adminUrl}/metrics`)).text()
    return Number(new RegExp(`^dockgate_mirror_${name}\\{store="mirror"\\} (\\d+)$`, 'm').exec(metrics)?.[1])
  }
  await until('something is evicted', async () => (await figure('evicted_bytes_total')) > 400_000)
  assert.equal(await figure('store_limit_bytes'), 1024 * 1024)
  await until('the store is within its limit', async () => (await figure('store_bytes')) <= 1024 * 1024)
  const kept = await readdir(join(folder, 'mirror/docker/registry/v2/blobs/sha256'), { recursive: true })
  assert(kept.filter((name) => name.endsWith('data')).length < images.length * 3)
})
