import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { startDockerRegistry } from '../support/docker-registry.ts'
import { startGateway } from '../support/gateway.ts'
import { imageOf, multiArch } from '../support/images.ts'
import { readLayout, writeLayout } from '../support/oci-layout.ts'
import { temporaryFolder } from '../support/scope.ts'
import { send } from '../support/http.ts'
import { copyImage, skopeoFor } from '../support/skopeo.ts'

const ALICE = 'alice:alice-secret'
const BOB = 'bob:bob-secret'

test('skopeo pushes and pulls a large index over TLS with a login, and registry:2 serves it from the same folder', async (t) => {
  const [gateway, skopeo, folder] = [await startGateway(t), await skopeoFor(t), await temporaryFolder(t)]
  await writeLayout(join(folder, 'in'), {
    small: imageOf({ layers: 2 }),
    twenty: imageOf({ layers: 20 }),
    multi: multiArch(),
  })
  const { caFolder } = gateway
  for (const tag of ['small', 'twenty', 'multi'])
    await copyImage(
      skopeo,
      { image: `oci:${folder}/in:${tag}` },
      { image: `docker://${gateway.host}/team-a/app:${tag}`, credentials: ALICE, caFolder },
    )
  await copyImage(
    skopeo,
    { image: `docker://${gateway.host}/team-a/app:multi`, credentials: BOB, caFolder },
    { image: `oci:${folder}/out:multi` },
  )
  const [pushed, pulled] = [await readLayout(join(folder, 'in')), await readLayout(join(folder, 'out'))]
  assert.equal(pulled['multi']?.digest, pushed['multi']?.digest)
  const core = await startDockerRegistry(t, { root: join(gateway.folder, 'data') })
  await copyImage(
    skopeo,
    { image: `docker://${core.host}/team-a/app:twenty` },
    { image: `oci:${folder}/core:twenty` },
  )
  assert.equal((await readLayout(join(folder, 'core')))['twenty']?.digest, pushed['twenty']?.digest)
})

test('what registry:2 wrote is pulled through dockgate from the same folder', async (t) => {
  const folder = await temporaryFolder(t)
  const skopeo = await skopeoFor(t)
  const core = await startDockerRegistry(t, { root: join(folder, 'data') })
  await writeLayout(join(folder, 'in'), { latest: multiArch() })
  await copyImage(
    skopeo,
    { image: `oci:${folder}/in:latest` },
    { image: `docker://${core.host}/public/app:latest` },
  )
  await core.stop()
  const { host, caFolder } = await startGateway(t, { folder })
  await copyImage(
    skopeo,
    { image: `docker://${host}/public/app:latest`, caFolder },
    { image: `oci:${folder}/out:latest` },
  )
  const [pushed, pulled] = [await readLayout(join(folder, 'in')), await readLayout(join(folder, 'out'))]
  assert.equal(pulled['latest']?.digest, pushed['latest']?.digest)
})

test('anonymous pull, authenticated push and a refused push live on one host', async (t) => {
  const [gateway, skopeo, folder] = [await startGateway(t), await skopeoFor(t), await temporaryFolder(t)]
  await writeLayout(join(folder, 'in'), { latest: imageOf() })
  const from = { image: `oci:${folder}/in:latest` }
  const { host, caFolder } = gateway
  await copyImage(skopeo, from, { image: `docker://${host}/public/app:1`, credentials: ALICE, caFolder })
  await copyImage(
    skopeo,
    { image: `docker://${host}/public/app:1`, caFolder },
    { image: `oci:${folder}/out:1` },
  )
  await assert.rejects(
    copyImage(skopeo, from, { image: `docker://${host}/public/app:2`, credentials: BOB, caFolder }),
    /denied|unauthorized/i,
  )
  await assert.rejects(
    copyImage(skopeo, from, { image: `docker://${host}/public/app:2`, caFolder }),
    /unauthorized/i,
  )
  await copyImage(skopeo, from, { image: `docker://${host}/team-a/app:1`, credentials: ALICE, caFolder })
  await assert.rejects(
    copyImage(skopeo, { image: `docker://${host}/team-a/app:1`, caFolder }, { image: `oci:${folder}/out:2` }),
    /unauthorized/i,
  )
})

test('the catalog lists only what the caller may pull', async (t) => {
  const access = [
    { repositories: ['public/**'], pull: ['$anonymous'] },
    { repositories: ['**'], push: ['alice'] },
    { catalog: ['$anonymous'] },
  ]
  const [gateway, skopeo, folder] = [
    await startGateway(t, { config: { access } }),
    await skopeoFor(t),
    await temporaryFolder(t),
  ]
  await writeLayout(join(folder, 'in'), { latest: imageOf() })
  const { host, caFolder, url, ca } = gateway
  for (const name of ['public/app', 'secret/app'])
    await copyImage(
      skopeo,
      { image: `oci:${folder}/in:latest` },
      { image: `docker://${host}/${name}:1`, credentials: ALICE, caFolder },
    )
  const listing = (options: object) => send(`${url}/v2/_catalog`, { ca, ...options })
  assert.deepEqual((await listing({})).json(), { repositories: ['public/app'] })
  const alice = { account: { username: 'alice', password: 'alice-secret' } }
  assert.deepEqual((await listing(alice)).json(), { repositories: ['public/app', 'secret/app'] })
})
