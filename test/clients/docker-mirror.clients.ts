// dockerd with dockgate as its mirror of Docker Hub, to which it sends the logins that it has for Docker Hub.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imageOf } from '../support/images.ts'
import { fileScope } from '../support/scope.ts'
import { asked, assertAsked, assertNotAsked, fill, startRegistry } from './support/client-registry.ts'
import { HUB, startDocker } from './support/docker.ts'

const CANARY = 'canary-of-the-hub'

const file = fileScope()
const lenient = { defaultNamespace: 'docker.io', lenient: true }
const mirror = await startRegistry(file, 'registry.test', { hosts: { 'registry.test': lenient } })
// Nobody answers for Docker Hub here: a pull that the mirror refuses fails.
const engine = await startDocker(file, ['--registry-mirror=https://registry.test'])
const names = ['nobody', 'password', 'token', 'spoiled']
await fill(
  file,
  mirror,
  Object.fromEntries(names.map((name) => [`library/${name}:1.0`, imageOf({ seed: name })])),
)

test('dockerd pulls through the mirror without a login', async (t) => {
  const { docker } = await engine.clientFor(t)
  const requests = await asked(mirror, () => docker(['pull', 'nobody:1.0']))
  assertAsked(requests, 'GET /token 200 -', 'HEAD /v2/library/nobody/manifests/1.0 200 -')
})

test('dockerd pulls through a lenient mirror that it sends the password of Docker Hub', async (t) => {
  const { docker, keep } = await engine.clientFor(t)
  await keep(HUB, { auth: Buffer.from(`hub-user:${CANARY}`).toString('base64') })
  const requests = await asked(mirror, () => docker(['pull', 'password:1.0']))
  assertAsked(requests, 'GET /token 200 -', 'HEAD /v2/library/password/manifests/1.0 200 -')
  assert.doesNotMatch(mirror.gateway.program.log(), new RegExp(`hub-user|${CANARY}`))
})

test('dockerd pulls through a lenient mirror that it sends the identity token of Docker Hub', async (t) => {
  const { docker, keep } = await engine.clientFor(t)
  await keep(HUB, { auth: Buffer.from('hub-user:').toString('base64'), identitytoken: CANARY })
  const requests = await asked(mirror, () => docker(['pull', 'token:1.0']))
  assertAsked(requests, 'POST /token 200 -', 'HEAD /v2/library/token/manifests/1.0 200 -')
  assert.doesNotMatch(mirror.gateway.program.log(), new RegExp(`hub-user|${CANARY}`))
})

test('dockerd that sends the mirror an account of its own with a wrong password pulls nothing', async (t) => {
  const { docker, keep } = await engine.clientFor(t)
  await keep(HUB, { auth: Buffer.from('alice:wrong').toString('base64') })
  const requests = await asked(mirror, () => assert.rejects(docker(['pull', 'spoiled:1.0'])))
  assertAsked(requests, 'GET /token 401 -')
  assertNotAsked(requests, /manifests.* 200 /)
})
