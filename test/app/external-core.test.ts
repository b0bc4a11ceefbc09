import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { AddressInfo } from 'node:net'
import { digestOf } from '../../src/oci/digest.ts'
import { startDockerRegistry } from '../support/docker-registry.ts'
import { startGateway, type RunningGateway } from '../support/gateway.ts'
import { writeHtpasswd } from '../support/htpasswd.ts'
import { send, type RequestOptions, oneConnection } from '../support/http.ts'
import { imageOf, multiArch } from '../support/images.ts'
import { readLayout, writeLayout } from '../support/oci-layout.ts'
import { atEnd, temporaryFolder } from '../support/scope.ts'
import { copyImage, skopeoFor } from '../support/skopeo.ts'

const ALICE = 'alice:alice-secret'
const alice = { account: { username: 'alice', password: 'alice-secret' } }

function startFront(t: TestContext, core: Record<string, unknown>): Promise<RunningGateway> {
  return startGateway(t, {
    config: {
      access: [
        { repositories: ['**'], pull: ['$authenticated'], push: ['alice'], delete: ['alice'] },
        { repositories: ['secret/**'], pull: ['carol'] },
      ],
      upstreams: { core },
      repositories: { '**': { proxy: 'core' } },
      stores: {},
    },
  })
}

test('skopeo pushes and pulls through the gateway to a registry:2 that has a login of its own', async (t) => {
  const htpasswd = await writeHtpasswd(t, { gateway: 'core-secret' })
  const core = await startDockerRegistry(t, { htpasswd })
  const gateway = await startFront(t, { url: core.url, username: 'gateway', password: 'core-secret' })
  const [skopeo, folder] = [await skopeoFor(t), await temporaryFolder(t)]
  await writeLayout(join(folder, 'in'), { twenty: imageOf({ layers: 20 }), multi: multiArch() })
  const { host, caFolder } = gateway
  for (const tag of ['twenty', 'multi']) {
    const there = { image: `docker://${host}/team-a/app:${tag}`, credentials: ALICE, caFolder }
    await copyImage(skopeo, { image: `oci:${folder}/in:${tag}` }, there)
    await copyImage(skopeo, there, { image: `oci:${folder}/out:${tag}` })
  }
  const [pushed, pulled] = [await readLayout(join(folder, 'in')), await readLayout(join(folder, 'out'))]
  assert.equal(pulled['twenty']?.digest, pushed['twenty']?.digest)
  assert.equal(pulled['multi']?.digest, pushed['multi']?.digest)
  assert.doesNotMatch(core.log(), /alice/)
})

test('manifests come through the cache, and a push or a delete is seen at once', async (t) => {
  const core = await startDockerRegistry(t)
  const { url, ca } = await startFront(t, { url: core.url })
  const agent = oneConnection(t)
  const ask = (path: string, options: RequestOptions = {}) =>
    send(url + path, { ca, agent, ...alice, ...options })
  const push = async (seed: string) => {
    const { manifest, blobs } = imageOf({ seed })
    for (const { digest, bytes } of blobs) {
      const { location = '' } = (await ask('/v2/team-a/app/blobs/uploads/', { method: 'POST' })).headers
      const { pathname, search } = new URL(location)
      const put = await ask(`${pathname}${search}&digest=${digest}`, { method: 'PUT', body: bytes })
      assert.equal(put.status, 201)
    }
    const headers = { 'content-type': manifest.mediaType }
    await ask('/v2/team-a/app/manifests/1', { method: 'PUT', body: manifest.bytes, headers })
    return manifest.digest
  }
  const first = await push('first')
  assert.equal((await ask('/v2/team-a/app/manifests/1')).headers['x-cache'], 'miss')
  const hit = await ask('/v2/team-a/app/manifests/1')
  assert.equal(hit.headers['x-cache'], 'hit')
  assert.equal(hit.headers['docker-content-digest'], first)
  const second = await push('second')
  assert.equal((await ask('/v2/team-a/app/manifests/1')).headers['docker-content-digest'], second)
  assert.equal((await ask(`/v2/team-a/app/manifests/${second}`, { method: 'DELETE' })).status, 202)
  assert.equal((await ask('/v2/team-a/app/manifests/1')).status, 404)
})

test('a repository that the caller may not pull is never named to the core by a mount', async (t) => {
  const urls: string[] = []
  const core = createServer((req, res) => {
    if (req.url !== '/v2/') urls.push(req.url ?? '')
    res.writeHead(202, { location: '/v2/team-a/app/blobs/uploads/x?_state=opaque%3D' }).end()
  })
  core.listen(0, '127.0.0.1')
  await once(core, 'listening')
  atEnd(t, () => void core.close())
  const { url, ca } = await startFront(t, { url: `http://127.0.0.1:${(core.address() as AddressInfo).port}` })
  const digest = digestOf('layer')
  const { token } = (
    await send(`${url}/token?scope=repository:team-a/app:pull,push`, { ca, ...alice })
  ).json<{ token: string }>()
  const start = await send(`${url}/v2/team-a/app/blobs/uploads/?mount=${digest}&from=secret/app`, {
    method: 'POST',
    ca,
    token,
  })
  assert.deepEqual(urls, ['/v2/team-a/app/blobs/uploads/'])
  assert.equal(start.headers.location, `${url}/v2/team-a/app/blobs/uploads/x?_state=opaque%3D`)
})

test('a core that is away is 502 in the API’s form, and is used again when it is back', async (t) => {
  const core = await startDockerRegistry(t)
  const { url, ca } = await startFront(t, { url: core.url })
  await core.stop()
  const ask = (path: string) => send(url + path, { ca, ...alice })
  const away = await ask('/v2/team-a/app/manifests/1')
  assert.equal(away.status, 502)
  assert.match(away.text(), /"code":"UNAVAILABLE"/)
  assert.equal((await ask(`/v2/team-a/app/blobs/${digestOf('x')}`)).status, 502)
  await core.restart()
  assert.equal((await ask('/v2/team-a/app/manifests/1')).status, 404)
})
