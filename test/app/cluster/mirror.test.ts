import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../../support/gateway.ts'
import { send } from '../../support/http.ts'
import { startHub } from '../../support/hub.ts'
import { multiArch } from '../../support/images.ts'

test('thirty clients that pull one cold tag of three workers cost the upstream one pull', async (t) => {
  const alpine = multiArch({ seed: 'alpine' })
  const hub = await startHub(t, { images: { 'library/alpine:3': alpine } })
  const gateway = await startGateway(t, {
    config: {
      workers: 3,
      access: [{ repositories: ['docker.io/**'], pull: ['$anonymous'] }],
      upstreams: { hub: { url: hub.url, namespace: 'docker.io' } },
      repositories: { 'docker.io/**': { mirror: 'hub', store: 'mirror' }, '**': { store: 'main' } },
      stores: { main: { filesystem: { root: 'data' } }, mirror: { filesystem: { root: 'mirror' } } },
    },
  })
  const url = `${gateway.url}/v2/docker.io/library/alpine/manifests/3`
  const answers = await Promise.all(Array.from({ length: 30 }, () => send(url, { ca: gateway.ca })))
  for (const { status, headers } of answers) {
    assert.equal(status, 200)
    assert.equal(headers['docker-content-digest'], alpine.manifest.digest)
  }
  const pulls = hub.received({ server: 'registry', method: 'GET', path: 'manifests' })
  assert.equal(pulls.filter(({ status }) => status === 200).length, 1)
})
