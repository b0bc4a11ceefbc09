// containerd against dockgate, driven by ctr; it trusts the CA by its `hosts.toml`.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileScope } from '../support/scope.ts'
import {
  asked,
  assertAsked,
  assertNotAsked,
  PASSWORDS,
  startFilledRegistries,
} from './support/client-registry.ts'
import { hostsToml, startContainerd } from './support/containerd.ts'

const file = fileScope()
const { registry, basic, app, secret, several } = await startFilledRegistries(file)
const { ctr, hostsFolder } = await startContainerd(file, {
  'registry.test': hostsToml('registry.test', join(registry.gateway.caFolder, 'ca.crt')),
  'basic.test': hostsToml('basic.test', join(basic.gateway.caFolder, 'ca.crt')),
})

const alice = ['--user', `alice:${PASSWORDS.alice}`]
const bob = ['--user', `bob:${PASSWORDS.bob}`]

test('containerd pulls a public image without a login', async () => {
  const requests = await asked(registry, () => pull('registry.test/public/app:1.0'))
  const { digest } = app.manifest
  assertAsked(requests, 'HEAD /v2/public/app/manifests/1.0 200 -')
  // It begins at the resource, not at the base path; a public one needs no token.
  assertNotAsked(requests, /^GET \/v2\/ |token| 401 /)
  assert.equal(await digestOf('registry.test/public/app:1.0'), digest)
})

test('containerd is told to log in when it pulls a private image without a login', async () => {
  const requests = await asked(registry, () =>
    assert.rejects(
      pull('registry.test/team/secret:1.0'),
      /pull access denied, .* may require authorization: server message: insufficient_scope/,
    ),
  )
  assertAsked(requests, 'GET /token 200 -', 'HEAD /v2/team/secret/manifests/1.0 401 -')
})

test('containerd with a wrong password is refused', async () => {
  const requests = await asked(registry, () =>
    assert.rejects(pull('registry.test/team/secret:1.0', '--user', 'bob:wrong'), /401 Unauthorized/),
  )
  assertAsked(requests, 'POST /token 401 -')
  assertNotAsked(requests, / 200 /)
})

test('what alice pushes with containerd, bob pulls, each with a token got by a form', async () => {
  await pull('registry.test/public/app:1.0')
  const name = 'registry.test/team/pushed:1.0'
  await tag('registry.test/public/app:1.0', name)
  const pushes = await asked(registry, () => push(name, ...alice))
  assertAsked(pushes, 'POST /token 200 alice', 'PUT /v2/team/pushed/manifests/1.0 201 alice')
  await ctr(['images', 'rm', name])
  const pulls = await asked(registry, () => pull(name, ...bob))
  assertAsked(pulls, 'POST /token 200 bob', 'HEAD /v2/team/pushed/manifests/1.0 200 bob')
  assert.equal(await digestOf(name), app.manifest.digest)
})

test('containerd is denied a push that nothing grants', async () => {
  await pull('registry.test/public/app:1.0')
  const name = 'registry.test/team/refused:1.0'
  await tag('registry.test/public/app:1.0', name)
  const requests = await asked(registry, () => assert.rejects(push(name, ...bob), /403 Forbidden/))
  assertAsked(requests, 'POST /token 200 bob')
  assertNotAsked(requests, / 20[12] /)
})

test('containerd pulls by digest', async () => {
  const name = `registry.test/team/secret@${secret.manifest.digest}`
  await pull(name, ...bob)
  assert.equal(await digestOf(name), secret.manifest.digest)
})

test('containerd pulls every platform of an index', async () => {
  const requests = await asked(registry, () => pull('registry.test/public/several:1.0', '--all-platforms'))
  for (const { manifest } of several.images)
    assertAsked(requests, `GET /v2/public/several/manifests/${manifest.digest} 200 -`)
  assert.equal(await digestOf('registry.test/public/several:1.0'), several.manifest.digest)
})

test('containerd pulls and pushes with Basic, where there is no token service', async () => {
  const name = 'basic.test/team/secret:1.0'
  const requests = await asked(basic, async () => {
    await pull('basic.test/public/app:1.0')
    await pull(name, ...bob)
    await tag(name, 'basic.test/team/again:1.0')
    await push('basic.test/team/again:1.0', ...alice)
  })
  assertAsked(requests, 'HEAD /v2/public/app/manifests/1.0 200 -')
  assertAsked(requests, 'HEAD /v2/team/secret/manifests/1.0 200 bob')
  assertAsked(requests, 'PUT /v2/team/again/manifests/1.0 201 alice')
  assertNotAsked(requests, /token/)
  // Last: it asks six times with it, and a name with so many failures has to wait before its next first login.
  await assert.rejects(pull(name, '--user', 'bob:wrong'), /401 Unauthorized/)
})

function pull(name: string, ...flags: string[]): Promise<string> {
  return ctr(['images', 'pull', '--hosts-dir', hostsFolder, ...flags, name])
}

function push(name: string, ...flags: string[]): Promise<string> {
  return ctr(['images', 'push', '--hosts-dir', hostsFolder, ...flags, name])
}

function tag(from: string, to: string): Promise<string> {
  return ctr(['images', 'tag', '--force', from, to])
}

async function digestOf(name: string): Promise<string | undefined> {
  const lines = (await ctr(['images', 'ls', `name==${name}`])).split('\n')
  return lines
    .map((line) => line.split(/\s+/))
    .find(([shown]) => shown === name)
    ?.find((word) => word.startsWith('sha256:'))
}
