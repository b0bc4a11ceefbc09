// docker against dockgate: the engine asks, the command line keeps the login.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { writePasswords } from '../support/gateway.ts'
import { imageOf, type Image } from '../support/images.ts'
import { writeLayout } from '../support/oci-layout.ts'
import { fileScope, temporaryFolder, type Scope } from '../support/scope.ts'
import { skopeoFor } from '../support/skopeo.ts'
import { until } from '../support/until.ts'
import {
  asked,
  assertAsked,
  assertNotAsked,
  PASSWORDS,
  startFilledRegistries,
} from './support/client-registry.ts'
import { startDocker, type DockerClient } from './support/docker.ts'

const file = fileScope()
const engine = await startDocker(file)
const { registry, basic, app, secret, several } = await startFilledRegistries(file)

test('docker login keeps an identity token in place of the password', async (t) => {
  const { docker, loginAt } = await engine.clientFor(t)
  const requests = await asked(registry, () => login(docker, 'registry.test', 'alice'))
  assertAsked(requests, 'GET /v2/ 401 -', 'GET /token 200 alice', 'GET /v2/ 200 alice')
  const kept = await loginAt('registry.test')
  assert.match(kept?.identitytoken ?? '', /^\S{20,}$/)
  assert.ok(!plain(kept?.auth).includes(PASSWORDS.alice))
})

test('docker login with a wrong password is refused, and keeps nothing', async (t) => {
  const { docker, loginAt } = await engine.clientFor(t)
  const requests = await asked(registry, () =>
    assert.rejects(
      login(docker, 'registry.test', 'alice', 'wrong'),
      /unauthorized: the name or the password/,
    ),
  )
  assertAsked(requests, 'GET /token 401 -')
  assert.equal(await loginAt('registry.test'), undefined)
})

test('docker pulls a public image without a login', async (t) => {
  const { docker } = await engine.clientFor(t)
  const requests = await asked(registry, () => docker(['pull', 'registry.test/public/app:1.0']))
  const { digest } = app.manifest
  assertAsked(requests, 'GET /token 200 -', 'HEAD /v2/public/app/manifests/1.0 200 -')
  assertAsked(requests, `GET /v2/public/app/manifests/${digest} 200 -`)
  const digests = await inspect(docker, 'registry.test/public/app:1.0', '{{json .RepoDigests}}')
  assert.deepEqual(JSON.parse(digests), [`registry.test/public/app@${digest}`])
})

test('docker is told to log in when it pulls a private image without a login', async (t) => {
  const { docker } = await engine.clientFor(t)
  const requests = await asked(registry, () =>
    assert.rejects(
      docker(['pull', 'registry.test/team/secret:1.0']),
      /pull access denied for registry\.test\/team\/secret, .* may require 'docker login': /,
    ),
  )
  assertAsked(requests, 'GET /token 200 -', 'GET /v2/team/secret/manifests/1.0 401 -')
})

test('what alice pushes with docker, bob pulls, each with an identity token', async (t) => {
  const [alice, bob] = await Promise.all([engine.clientFor(t), engine.clientFor(t)])
  await login(alice.docker, 'registry.test', 'alice')
  await login(bob.docker, 'registry.test', 'bob')
  const name = 'registry.test/team/pushed:1.0'
  await load(t, alice, imageOf({ seed: 'pushed' }), name)
  const pushes = await asked(registry, () => alice.docker(['push', name]))
  assertAsked(pushes, 'POST /token 200 alice', 'PUT /v2/team/pushed/manifests/1.0 201 alice')
  assertAsked(pushes, 'PATCH /v2/team/pushed/blobs/uploads/ID 202 alice')
  assertNotAsked(pushes, /^GET \/token/)
  const pushed = await inspect(alice.docker, name, '{{index .RepoDigests 0}}')
  await alice.docker(['image', 'rm', name])
  const pulls = await asked(registry, () => bob.docker(['pull', name]))
  assertAsked(pulls, 'POST /token 200 bob', 'HEAD /v2/team/pushed/manifests/1.0 200 bob')
  assert.equal(await inspect(bob.docker, name, '{{index .RepoDigests 0}}'), pushed)
})

test('docker mounts a blob that it pulled from another repository', async (t) => {
  const { docker } = await engine.clientFor(t)
  await login(docker, 'registry.test', 'alice')
  await docker(['pull', 'registry.test/public/app:1.0'])
  await docker(['tag', 'registry.test/public/app:1.0', 'registry.test/team/mounted:1.0'])
  const requests = await asked(registry, () => docker(['push', 'registry.test/team/mounted:1.0']))
  assertAsked(requests, 'POST /v2/team/mounted/blobs/uploads/ 201 alice')
  assertAsked(requests, 'PUT /v2/team/mounted/manifests/1.0 201 alice')
})

test('docker is denied a push that nothing grants', async (t) => {
  const { docker } = await engine.clientFor(t)
  await login(docker, 'registry.test', 'bob')
  const name = 'registry.test/team/refused:1.0'
  await load(t, { docker }, imageOf({ seed: 'refused' }), name)
  const requests = await asked(registry, () => assert.rejects(docker(['push', name]), /denied: /))
  assertNotAsked(requests, /^(?:PUT|PATCH) | 201 | 202 /)
})

test('docker is denied a pull that nothing grants, as somebody who is logged in', async (t) => {
  const { docker } = await engine.clientFor(t)
  await login(docker, 'registry.test', 'bob')
  await assert.rejects(docker(['pull', 'registry.test/other/app:1.0']), /denied: /)
})

test('docker pulls by digest', async (t) => {
  const { docker } = await engine.clientFor(t)
  await login(docker, 'registry.test', 'bob')
  const name = `registry.test/team/secret@${secret.manifest.digest}`
  await docker(['pull', name])
  assert.equal(await inspect(docker, name, '{{.Id}}'), secret.config.digest)
})

test('docker takes its platform out of an index', async (t) => {
  const { docker } = await engine.clientFor(t)
  for (const { platform, config } of several.images) {
    const wanted = `${platform.os}/${platform.architecture}`
    await docker(['pull', '--platform', wanted, 'registry.test/public/several:1.0'])
    const got = await inspect(docker, 'registry.test/public/several:1.0', '{{.Id}} {{.Architecture}}')
    assert.equal(got, `${config.digest} ${platform.architecture}`)
  }
})

test('a new password ends what docker has kept of the old one', async (t) => {
  const { docker } = await engine.clientFor(t)
  await login(docker, 'registry.test', 'carol')
  const name = 'registry.test/team/secret:1.0'
  await docker(['pull', name])
  await writePasswords(registry.gateway.folder, { ...PASSWORDS, carol: 'new-secret' })
  const refusal = await until('the file is read', () => docker(['pull', name]).then(() => '', String))
  assert.match(refusal, /unauthorized: /)
  await login(docker, 'registry.test', 'carol', 'new-secret')
  await docker(['pull', name])
})

test('docker pulls nothing without a login with Basic, not even what is public', async (t) => {
  const { docker } = await engine.clientFor(t)
  const pull = docker(['pull', 'basic.test/public/app:1.0'])
  await assert.rejects(pull, /no basic auth credentials/)
})

test('docker logs in, pulls and pushes with Basic, where there is no token service', async (t) => {
  const { docker, loginAt } = await engine.clientFor(t)
  await assert.rejects(login(docker, 'basic.test', 'alice', 'wrong'), /401 Unauthorized/)
  const requests = await asked(basic, async () => {
    await login(docker, 'basic.test', 'alice')
    await docker(['pull', 'basic.test/team/secret:1.0'])
    await docker(['tag', 'basic.test/team/secret:1.0', 'basic.test/team/again:1.0'])
    await docker(['push', 'basic.test/team/again:1.0'])
  })
  assertAsked(requests, 'GET /v2/ 401 -', 'GET /v2/ 200 alice', 'PUT /v2/team/again/manifests/1.0 201 alice')
  assertNotAsked(requests, /token/)
  assert.equal(plain((await loginAt('basic.test'))?.auth), `alice:${PASSWORDS.alice}`)
})

type Docker = DockerClient['docker']

function login(
  docker: Docker,
  host: string,
  user: keyof typeof PASSWORDS,
  password: string = PASSWORDS[user],
): Promise<string> {
  return docker(['login', '--username', user, '--password-stdin', host], { input: password })
}

/** Gives the engine an image that no registry has, under `name`. */
async function load(t: Scope, { docker }: { docker: Docker }, image: Image, name: string): Promise<void> {
  const folder = await temporaryFolder(t)
  const [skopeo, archive] = [await skopeoFor(t), join(folder, 'image.tar')]
  await writeLayout(join(folder, 'layout'), { it: image })
  await skopeo('copy', `oci:${join(folder, 'layout')}:it`, `docker-archive:${archive}:${name}`)
  await docker(['load', '--input', archive])
}

async function inspect(docker: Docker, name: string, format: string): Promise<string> {
  return (await docker(['image', 'inspect', '--format', format, name])).trim()
}

function plain(base64 = ''): string {
  return Buffer.from(base64, 'base64').toString()
}
