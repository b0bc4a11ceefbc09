// skopeo against dockgate; it trusts the CA by /etc/docker/certs.d.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageOf, multiArch, type Image, type Index } from '../support/images.ts'
import { readLayout, writeLayout } from '../support/oci-layout.ts'
import { fileScope, temporaryFolder, type Scope } from '../support/scope.ts'
import { skopeoFor, type Skopeo } from '../support/skopeo.ts'
import {
  asked,
  assertAsked,
  assertNotAsked,
  PASSWORDS,
  startFilledRegistries,
} from './support/client-registry.ts'

const file = fileScope()
const { registry, basic, app, secret } = await startFilledRegistries(file)

test('skopeo logs in and out', async (t) => {
  const skopeo = await skopeoFor(t)
  const requests = await asked(registry, () => login(skopeo, 'registry.test', 'alice'))
  assertAsked(requests, 'GET /v2/ 401 -', 'GET /token 200 alice', 'GET /v2/ 200 alice')
  assert.equal(await skopeo('login', '--get-login', 'registry.test'), 'alice\n')
  await skopeo('logout', 'registry.test')
  await assert.rejects(skopeo('login', '--get-login', 'registry.test'), /not logged into registry\.test/)
})

test('skopeo with a wrong password is refused', async (t) => {
  const skopeo = await skopeoFor(t)
  const requests = await asked(registry, () =>
    assert.rejects(login(skopeo, 'registry.test', 'alice', 'wrong'), /invalid username\/password/),
  )
  assertAsked(requests, 'GET /token 401 -')
})

test('skopeo pulls a public image without a login', async (t) => {
  const skopeo = await skopeoFor(t)
  const folder = await temporaryFolder(t)
  const requests = await asked(registry, () => copy(skopeo, 'registry.test/public/app:1.0', folder))
  assertAsked(requests, 'GET /token 200 -', 'GET /v2/public/app/manifests/1.0 200 -')
  assert.equal((await readLayout(folder))['copied']?.digest, app.manifest.digest)
})

test('skopeo is told to log in when it pulls a private image without a login', async (t) => {
  const skopeo = await skopeoFor(t)
  const folder = await temporaryFolder(t)
  const requests = await asked(registry, () =>
    assert.rejects(copy(skopeo, 'registry.test/team/secret:1.0', folder), /authentication (?:is )?required/),
  )
  assertAsked(requests, 'GET /v2/team/secret/manifests/1.0 401 -')
})

test('what alice pushes with skopeo, bob pulls: an index with all of its images', async (t) => {
  const several = multiArch({ seed: 'several' })
  const [alice, bob, folder] = [await skopeoFor(t), await skopeoFor(t), await temporaryFolder(t)]
  await login(alice, 'registry.test', 'alice')
  await login(bob, 'registry.test', 'bob')
  const pushes = await asked(registry, () => push(t, alice, several, 'registry.test/team/several:1.0'))
  assertAsked(pushes, 'GET /token 200 alice', 'PUT /v2/team/several/manifests/1.0 201 alice')
  const pulls = await asked(registry, () => copy(bob, 'registry.test/team/several:1.0', folder))
  assertAsked(pulls, 'GET /token 200 bob', 'GET /v2/team/several/manifests/1.0 200 bob')
  for (const { manifest } of several.images)
    assertAsked(pulls, `GET /v2/team/several/manifests/${manifest.digest} 200 bob`)
  assert.equal((await readLayout(folder))['copied']?.digest, several.manifest.digest)
})

test('skopeo is denied a push that nothing grants', async (t) => {
  const skopeo = await skopeoFor(t)
  await login(skopeo, 'registry.test', 'bob')
  const requests = await asked(registry, () =>
    assert.rejects(
      push(t, skopeo, app, 'registry.test/team/refused:1.0'),
      /denied: the account has no grant/,
    ),
  )
  assertNotAsked(requests, / 20[12] /)
})

test('skopeo pulls by digest', async (t) => {
  const skopeo = await skopeoFor(t)
  const folder = await temporaryFolder(t)
  await login(skopeo, 'registry.test', 'bob')
  await copy(skopeo, `registry.test/team/secret@${secret.manifest.digest}`, folder)
  assert.equal((await readLayout(folder))['copied']?.digest, secret.manifest.digest)
})

test('skopeo deletes where that is granted, though it asks for every action', async (t) => {
  const [alice, bob] = [await skopeoFor(t), await skopeoFor(t)]
  await login(alice, 'registry.test', 'alice')
  await login(bob, 'registry.test', 'bob')
  await push(t, alice, imageOf({ seed: 'deleted' }), 'registry.test/team/deleted:1.0')
  const image = 'docker://registry.test/team/deleted:1.0'
  await assert.rejects(bob('delete', image), /denied: the account has no grant|403/)
  await alice('delete', image)
  await assert.rejects(alice('inspect', image), /manifest unknown/)
})

test('skopeo lists tags as who may pull, and is told to log in as nobody', async (t) => {
  const [nobody, bob] = [await skopeoFor(t), await skopeoFor(t)]
  await login(bob, 'registry.test', 'bob')
  const image = 'docker://registry.test/team/secret'
  assert.deepEqual((JSON.parse(await bob('list-tags', image)) as { Tags: string[] }).Tags, ['1.0'])
  await assert.rejects(nobody('list-tags', image), /authentication (?:is )?required/)
})

test('skopeo pulls a public image with Basic without a login, by a header that names nobody', async (t) => {
  const [skopeo, folder] = [await skopeoFor(t), await temporaryFolder(t)]
  const requests = await asked(basic, () => copy(skopeo, 'basic.test/public/app:1.0', folder))
  assertAsked(requests, 'GET /v2/ 401 -', 'GET /v2/public/app/manifests/1.0 200 -')
})

test('skopeo logs in, pulls and pushes with Basic, where there is no token service', async (t) => {
  const [skopeo, folder] = [await skopeoFor(t), await temporaryFolder(t)]
  await assert.rejects(login(skopeo, 'basic.test', 'alice', 'wrong'), /invalid username\/password/)
  const anonymous = copy(skopeo, 'basic.test/team/secret:1.0', folder)
  await assert.rejects(anonymous, /authentication (?:is )?required/)
  const requests = await asked(basic, async () => {
    await login(skopeo, 'basic.test', 'alice')
    await copy(skopeo, 'basic.test/team/secret:1.0', folder)
    await push(t, skopeo, app, 'basic.test/team/pushed:1.0')
  })
  assertAsked(requests, 'GET /v2/ 401 -', 'GET /v2/ 200 alice')
  assertAsked(requests, 'PUT /v2/team/pushed/manifests/1.0 201 alice')
  assertNotAsked(requests, /token/)
})

function login(
  skopeo: Skopeo,
  host: string,
  user: keyof typeof PASSWORDS,
  password: string = PASSWORDS[user],
): Promise<string> {
  return skopeo('login', `--username=${user}`, `--password=${password}`, host)
}

/** Pulls into an OCI layout, as `copied`. */
function copy(skopeo: Skopeo, name: string, folder: string): Promise<string> {
  return skopeo('copy', '--all', `docker://${name}`, `oci:${folder}:copied`)
}

async function push(t: Scope, skopeo: Skopeo, item: Image | Index, name: string): Promise<void> {
  const folder = await temporaryFolder(t)
  await writeLayout(folder, { it: item })
  await skopeo('copy', '--all', `oci:${folder}:it`, `docker://${name}`)
}
