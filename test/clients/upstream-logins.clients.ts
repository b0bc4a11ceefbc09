// The real clients on a host that stands for another registry, each with its own login for that one.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { startHub } from '../support/hub.ts'
import { imageOf } from '../support/images.ts'
import { fileScope } from '../support/scope.ts'
import { asked, assertAsked, startRegistry } from './support/client-registry.ts'
import { hostsToml, startContainerd } from './support/containerd.ts'
import { startDocker } from './support/docker.ts'
import { podmanFor } from './support/podman.ts'

const PASSWORD = 'canary-of-acme'

const file = fileScope()
const secret = imageOf({ seed: 'secret' })
const hub = await startHub(file, {
  images: { 'acme/open:1.0': imageOf({ seed: 'open' }), 'acme/secret:1.0': secret },
  accounts: { acme: PASSWORD, other: 'other-secret' },
  readers: { 'acme/secret': ['acme'] },
})
const mirror = await startRegistry(file, 'registry.test', {
  hosts: { 'registry.test': { defaultNamespace: 'ghcr.io', upstreamLogins: true } },
  access: [{ repositories: ['ghcr.io/**'], pull: ['$anonymous'] }],
  upstreams: { ghcr: { url: hub.url, namespace: 'ghcr.io', visibility: 'per-user' } },
  repositories: { 'ghcr.io/**': { mirror: 'ghcr', store: 'mirror' } },
  stores: { mirror: { filesystem: { root: 'mirror' } } },
})
const image = 'registry.test/acme/secret:1.0'

test('docker logs in with the login of the registry behind, and pulls what that one may read', async (t) => {
  const engine = await startDocker(t)
  const [nobody, acme, other] = [
    await engine.clientFor(t),
    await engine.clientFor(t),
    await engine.clientFor(t),
  ]
  const login = (client: typeof acme, name: string, input: string) =>
    client.docker(['login', '-u', name, '--password-stdin', 'registry.test'], { input })
  // docker shows nothing and asks for nothing where Basic is wanted and it has no login, also for what is public.
  await assert.rejects(nobody.docker(['pull', 'registry.test/acme/open:1.0']), /no basic auth credentials/)
  await assert.rejects(login(acme, 'acme', 'wrong'), /unauthorized/i)
  await login(acme, 'acme', PASSWORD)
  await login(other, 'other', 'other-secret')
  const requests = await asked(mirror, () => acme.docker(['pull', image]))
  assertAsked(requests, 'HEAD /v2/acme/secret/manifests/1.0 200 -')
  await acme.docker(['image', 'rm', image])
  await other.docker(['pull', 'registry.test/acme/open:1.0'])
  await assert.rejects(other.docker(['pull', image]), /denied/)
  assert.doesNotMatch(mirror.gateway.program.log(), new RegExp(PASSWORD))
})

test('podman pulls what its login may read upstream, and nothing without', async (t) => {
  const { podman } = await podmanFor(t)
  await assert.rejects(podman(['pull', image]))
  await podman(['login', '-u', 'acme', '--password-stdin', 'registry.test'], { input: PASSWORD })
  await podman(['pull', image])
})

test('containerd pulls what its login may read upstream, and what is public without one', async (t) => {
  const { ctr, hostsFolder } = await startContainerd(t, {
    'registry.test': hostsToml('registry.test', join(mirror.gateway.caFolder, 'ca.crt')),
  })
  const pull = (name: string, ...flags: string[]) =>
    ctr(['images', 'pull', '--hosts-dir', hostsFolder, ...flags, name])
  await pull('registry.test/acme/open:1.0')
  await assert.rejects(pull(image))
  await pull(image, '--user', `acme:${PASSWORD}`)
})
