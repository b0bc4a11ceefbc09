// podman and buildah against dockgate; they trust the CA by /etc/docker/certs.d.
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileScope, temporaryFolder } from '../support/scope.ts'
import type { Client } from './support/client-command.ts'
import {
  asked,
  assertAsked,
  assertNotAsked,
  PASSWORDS,
  startFilledRegistries,
} from './support/client-registry.ts'
import { podmanFor } from './support/podman.ts'

const file = fileScope()
const { registry, basic, app, secret, several } = await startFilledRegistries(file)

test('podman logs in and out', async (t) => {
  const { podman } = await podmanFor(t)
  const requests = await asked(registry, () => login(podman, 'registry.test', 'alice'))
  assertAsked(requests, 'GET /v2/ 401 -', 'GET /token 200 alice', 'GET /v2/ 200 alice')
  assert.equal(await podman(['login', '--get-login', 'registry.test']), 'alice\n')
  await podman(['logout', 'registry.test'])
  await assert.rejects(podman(['login', '--get-login', 'registry.test']), /not logged into registry\.test/)
})

test('podman with a wrong password is refused, and keeps nothing', async (t) => {
  const { podman } = await podmanFor(t)
  const requests = await asked(registry, () =>
    assert.rejects(login(podman, 'registry.test', 'alice', 'wrong'), /invalid username\/password/),
  )
  assertAsked(requests, 'GET /token 401 -')
  await assert.rejects(podman(['login', '--get-login', 'registry.test']), /not logged into registry\.test/)
})

test('podman pulls a public image without a login', async (t) => {
  const { podman } = await podmanFor(t)
  const requests = await asked(registry, () => podman(['pull', 'registry.test/public/app:1.0']))
  assertAsked(requests, 'GET /token 200 -', 'GET /v2/public/app/manifests/1.0 200 -')
  assert.equal(await inspect(podman, 'registry.test/public/app:1.0', '{{.Digest}}'), app.manifest.digest)
})

test('podman is told to log in when it pulls a private image without a login', async (t) => {
  const { podman } = await podmanFor(t)
  const requests = await asked(registry, () =>
    assert.rejects(podman(['pull', 'registry.test/team/secret:1.0']), /authentication (?:is )?required/),
  )
  assertAsked(requests, 'GET /token 200 -', 'GET /v2/team/secret/manifests/1.0 401 -')
})

test('what alice builds and pushes with buildah, bob pulls with podman', async (t) => {
  const [alice, bob, folder] = [await podmanFor(t), await podmanFor(t), await temporaryFolder(t)]
  await login(alice.buildah, 'registry.test', 'alice')
  await login(bob.podman, 'registry.test', 'bob')
  await writeFile(join(folder, 'greeting'), 'hello')
  await writeFile(join(folder, 'Containerfile'), 'FROM scratch\nCOPY greeting /greeting\n')
  const name = 'registry.test/team/built:1.0'
  await alice.buildah(['bud', '--isolation=chroot', '--tag', name, folder])
  const pushes = await asked(registry, () => alice.buildah(['push', name]))
  assertAsked(pushes, 'GET /token 200 alice', 'PATCH /v2/team/built/blobs/uploads/ID 202 alice')
  assertAsked(pushes, 'PUT /v2/team/built/manifests/1.0 201 alice')
  const pulls = await asked(registry, () => bob.podman(['pull', name]))
  assertAsked(pulls, 'GET /token 200 bob', 'GET /v2/team/built/manifests/1.0 200 bob')
  assert.equal(await inspect(bob.podman, name, '{{.Id}}'), await inspect(alice.podman, name, '{{.Id}}'))
})

test('podman is denied a push that nothing grants', async (t) => {
  const { podman } = await podmanFor(t)
  await login(podman, 'registry.test', 'bob')
  await podman(['pull', 'registry.test/team/secret:1.0'])
  const push = ['push', 'registry.test/team/secret:1.0', 'registry.test/team/refused:1.0']
  const requests = await asked(registry, () =>
    assert.rejects(podman(push), /denied: the account has no grant/),
  )
  assertNotAsked(requests, / 20[12] /)
})

test('podman pulls by digest', async (t) => {
  const { podman } = await podmanFor(t)
  await login(podman, 'registry.test', 'bob')
  const name = `registry.test/team/secret@${secret.manifest.digest}`
  await podman(['pull', name])
  assert.equal(`sha256:${await inspect(podman, name, '{{.Id}}')}`, secret.config.digest)
})

test('podman takes its platform out of an index', async (t) => {
  const { podman } = await podmanFor(t)
  for (const { platform, config } of several.images) {
    await podman(['pull', '--arch', platform.architecture, 'registry.test/public/several:1.0'])
    const got = await inspect(podman, 'registry.test/public/several:1.0', '{{.Id}}')
    assert.equal(`sha256:${got}`, config.digest)
  }
})

test('podman pushes an index with all of its images', async (t) => {
  const { podman } = await podmanFor(t)
  await login(podman, 'registry.test', 'alice')
  const from = 'docker://registry.test/public/several:1.0'
  await podman(['manifest', 'create', 'localhost/all'])
  await podman(['manifest', 'add', '--all', 'localhost/all', from])
  const requests = await asked(registry, () =>
    podman(['manifest', 'push', '--all', 'localhost/all', 'docker://registry.test/team/all:1.0']),
  )
  for (const { manifest } of several.images)
    assertAsked(requests, `PUT /v2/team/all/manifests/${manifest.digest} 201 alice`)
  assertAsked(requests, 'PUT /v2/team/all/manifests/1.0 201 alice')
})

test('podman pulls a public image with Basic without a login, by a header that names nobody', async (t) => {
  const { podman } = await podmanFor(t)
  const requests = await asked(basic, () => podman(['pull', 'basic.test/public/app:1.0']))
  assertAsked(requests, 'GET /v2/ 401 -', 'GET /v2/public/app/manifests/1.0 200 -')
})

test('podman logs in, pulls and pushes with Basic, where there is no token service', async (t) => {
  const { podman } = await podmanFor(t)
  const name = 'basic.test/team/secret:1.0'
  await assert.rejects(login(podman, 'basic.test', 'alice', 'wrong'), /invalid username\/password/)
  await assert.rejects(podman(['pull', name]), /authentication (?:is )?required/)
  const requests = await asked(basic, async () => {
    await login(podman, 'basic.test', 'alice')
    await podman(['pull', name])
    await podman(['push', name, 'basic.test/team/again:1.0'])
  })
  assertAsked(requests, 'GET /v2/ 401 -', 'GET /v2/ 200 alice', 'PUT /v2/team/again/manifests/1.0 201 alice')
  assertNotAsked(requests, /token/)
})

function login(
  client: Client,
  host: string,
  user: keyof typeof PASSWORDS,
  password: string = PASSWORDS[user],
): Promise<string> {
  return client(['login', '--username', user, '--password-stdin', host], { input: password })
}

async function inspect(podman: Client, name: string, format: string): Promise<string> {
  return (await podman(['image', 'inspect', '--format', format, name])).trim()
}
