// The real clients with the very files that `dockgate client-config` prints for them, each pulling through the mirror.
import assert from 'node:assert/strict'
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { test } from 'node:test'
import { runCli } from '../cli/run-cli.ts'
import { startHub } from '../support/hub.ts'
import { imageOf } from '../support/images.ts'
import { readLayout } from '../support/oci-layout.ts'
import { atEnd, fileScope, temporaryFolder, type Scope } from '../support/scope.ts'
import { skopeoFor } from '../support/skopeo.ts'
import { asked, assertAsked, assertNotAsked, startRegistry } from './support/client-registry.ts'
import { startContainerd } from './support/containerd.ts'
import { startDocker } from './support/docker.ts'
import { podmanFor } from './support/podman.ts'

const file = fileScope()
const app = imageOf({ seed: 'app' })
// Nobody answers for Docker Hub or quay.io here: a pull that does not go through the mirror fails.
const hub = await startHub(file, { images: { 'library/app:1.0': app, 'acme/tool:1.0': app } })
const mirror = await startRegistry(file, 'registry.test', {
  access: [
    { repositories: ['docker.io/**', 'quay.io/**'], pull: ['$anonymous'] },
    { repositories: ['team/**'], pull: ['$authenticated'] },
  ],
  hosts: { 'registry.test': { defaultNamespace: 'docker.io' } },
  upstreams: {
    hub: { url: hub.url, namespace: 'docker.io' },
    quay: { url: hub.url, namespace: 'quay.io' },
  },
  repositories: {
    'docker.io/**': { mirror: 'hub', store: 'mirror' },
    'quay.io/**': { mirror: 'quay', store: 'mirror' },
  },
  stores: { mirror: { filesystem: { root: 'mirror' } } },
})

test('dockerd pulls through the mirror that its printed daemon.json names', async (t) => {
  const [daemon] = await place(t, 'docker')
  assert.equal(daemon?.path, '/etc/docker/daemon.json')
  const { docker } = await (await startDocker(t)).clientFor(t)
  const requests = await asked(mirror, () => docker(['pull', 'app:1.0']))
  assertAsked(requests, 'GET /v2/ 401 -', 'GET /token 200 -', 'HEAD /v2/library/app/manifests/1.0 200 -')
  assert.equal(
    (await docker(['image', 'inspect', '--format', '{{.Id}}', 'app:1.0'])).trim(),
    app.config.digest,
  )
})

test('containerd pulls from two registries through the mirror that its printed hosts.toml name', async (t) => {
  await place(t, 'containerd')
  const { ctr } = await startContainerd(t, {})
  const requests = await asked(mirror, async () => {
    for (const name of ['docker.io/library/app:1.0', 'quay.io/acme/tool:1.0'])
      await ctr(['images', 'pull', '--hosts-dir', '/etc/containerd/certs.d', name])
  })
  assertAsked(requests, 'HEAD /v2/library/app/manifests/1.0 200 -', 'HEAD /v2/acme/tool/manifests/1.0 200 -')
  assertNotAsked(requests, / 404 /)
})

test('podman pulls from two registries through the mirrors of its printed registries.conf', async (t) => {
  await place(t, 'podman')
  const { podman } = await podmanFor(t)
  const requests = await asked(mirror, async () => {
    await podman(['pull', 'docker.io/library/app:1.0'])
    await podman(['pull', 'quay.io/acme/tool:1.0'])
  })
  assertAsked(
    requests,
    'GET /v2/docker.io/library/app/manifests/1.0 200 -',
    'GET /v2/quay.io/acme/tool/manifests/1.0 200 -',
  )
})

test('skopeo pulls through the mirror of the registries.conf that is printed for podman', async (t) => {
  await place(t, 'podman')
  const [skopeo, folder] = [await skopeoFor(t), await temporaryFolder(t)]
  const requests = await asked(mirror, () =>
    skopeo('copy', 'docker://docker.io/library/app:1.0', `oci:${folder}:copied`),
  )
  assertAsked(requests, 'GET /v2/docker.io/library/app/manifests/1.0 200 -')
  assert.equal((await readLayout(folder))['copied']?.digest, app.manifest.digest)
})

interface Printed {
  readonly files: readonly { readonly path: string; readonly content: string }[]
  readonly copies: readonly { readonly from: string; readonly to: string }[]
}

/** Puts what is printed for a client where it says. It is gone when `t` ends. */
async function place(t: Scope, client: string): Promise<Printed['files']> {
  const { folder, configFile } = mirror.gateway
  const { stdout, stderr } = await runCli(folder, ['client-config', client, '--config', configFile, '--json'])
  assert.equal(stderr, '')
  const { files, copies } = JSON.parse(stdout) as Printed
  for (const path of [...files.map((each) => each.path), ...copies.map(({ to }) => to)]) {
    // Of two folders with certificates for one host, clients look into the first alone, even when it is empty.
    const made = (await mkdir(dirname(path), { recursive: true })) ?? path
    atEnd(t, () => rm(made, { recursive: true, force: true }))
  }
  for (const { path, content } of files) await writeFile(path, content)
  for (const { from, to } of copies) await copyFile(from, to)
  return files
}
