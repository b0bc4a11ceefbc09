import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { temporaryFolder } from '../support/scope.ts'
import { runCli, type Finished } from './run-cli.ts'

const SECRET = 'sesame-of-the-hub'
const MIRRORS = {
  access: [{ repositories: ['**'], pull: ['$anonymous'] }],
  upstreams: {
    hub: { url: 'https://registry-1.docker.io', namespace: 'docker.io', username: 'acme', password: SECRET },
    quay: { url: 'https://quay.internal', namespace: 'quay.io' },
    corp: { url: 'https://registry.corp.example', namespace: 'corp' },
  },
  repositories: {
    'docker.io/**': { mirror: 'hub', store: 'mirror' },
    'quay.io/**': { mirror: 'quay', store: 'mirror' },
    'corp/**': { mirror: 'corp', store: 'mirror' },
  },
  stores: { mirror: { filesystem: { root: 'mirror' } } },
}
/** On the standard port, with the CA of this machine. */
const LAN = {
  ...MIRRORS,
  listen: [
    { address: ':80', redirectTo: 'https' },
    { address: ':5443', tls: 'auto' },
  ],
  hosts: { 'mirror.lan': { defaultNamespace: 'docker.io' } },
}

interface Printed {
  readonly url: string
  readonly files: readonly { readonly path: string; readonly content: string }[]
  readonly copies: readonly { readonly from: string; readonly to: string }[]
  readonly notes: readonly string[]
}

async function run(t: TestContext, config: object, ...args: string[]): Promise<Finished & { cwd: string }> {
  const cwd = await temporaryFolder(t)
  await writeFile(join(cwd, 'dockgate.yml'), JSON.stringify(config))
  return { cwd, ...(await runCli(cwd, ['client-config', ...args, '--config', 'dockgate.yml'])) }
}

/** Also that no secret is printed. */
async function printed(
  t: TestContext,
  config: object,
  ...args: string[]
): Promise<Printed & { cwd: string }> {
  const { code, stdout, stderr, cwd } = await run(t, config, ...args, '--json')
  assert.equal(stderr, '')
  assert.equal(code, 0)
  assert.doesNotMatch(stdout, new RegExp(SECRET))
  return { ...(JSON.parse(stdout) as Printed), cwd }
}

test('docker gets the mirror of Docker Hub, and the CA where it looks for it', async (t) => {
  const { url, files, copies, cwd } = await printed(t, LAN, 'docker')
  assert.equal(url, 'https://mirror.lan:5443')
  assert.deepEqual(files, [
    {
      path: '/etc/docker/daemon.json',
      content: '{\n  "registry-mirrors": [\n    "https://mirror.lan:5443"\n  ]\n}\n',
    },
  ])
  assert.deepEqual(copies, [
    { from: join(cwd, 'certs/ca.crt'), to: '/etc/docker/certs.d/mirror.lan:5443/ca.crt' },
  ])
})

test('docker gets the host that stands for Docker Hub, also where another one is told to clients', async (t) => {
  const config = { ...LAN, publicUrl: 'http://registry.lan:5000' }
  const { files, copies } = await printed(t, config, 'docker')
  assert.deepEqual(JSON.parse(files[0]?.content ?? ''), {
    'registry-mirrors': ['http://mirror.lan:5000'],
    'insecure-registries': ['mirror.lan:5000'],
  })
  assert.deepEqual(copies, [])
  const { stderr } = await run(t, { ...LAN, hosts: {} }, 'docker')
  assert.match(stderr, /give one of the hosts the defaultNamespace docker\.io/)
})

test('containerd gets a hosts.toml for each registry, with the address of the registry itself to fall back to', async (t) => {
  const { files, copies, notes, cwd } = await printed(t, LAN, 'containerd')
  const host = [
    '[host."https://mirror.lan:5443"]',
    '  capabilities = ["pull", "resolve"]',
    '  ca = "/etc/containerd/dockgate-ca.crt"',
    '',
  ].join('\n')
  assert.deepEqual(files, [
    {
      path: '/etc/containerd/certs.d/docker.io/hosts.toml',
      content: `server = "https://registry-1.docker.io"\n\n${host}`,
    },
    { path: '/etc/containerd/certs.d/quay.io/hosts.toml', content: `server = "https://quay.io"\n\n${host}` },
  ])
  assert.deepEqual(copies, [{ from: join(cwd, 'certs/ca.crt'), to: '/etc/containerd/dockgate-ca.crt' }])
  assert.match(notes.join('\n'), /config_path/)
})

test('k3s gets one registries.yaml', async (t) => {
  const { files, copies, cwd } = await printed(t, LAN, 'k3s')
  const content = [
    'mirrors:',
    '  "docker.io":',
    '    endpoint:',
    '      - "https://mirror.lan:5443"',
    '  "quay.io":',
    '    endpoint:',
    '      - "https://mirror.lan:5443"',
    'configs:',
    '  "mirror.lan:5443":',
    '    tls:',
    '      ca_file: "/etc/rancher/k3s/dockgate-ca.crt"',
    '',
  ].join('\n')
  assert.deepEqual(files, [{ path: '/etc/rancher/k3s/registries.yaml', content }])
  assert.deepEqual(copies, [{ from: join(cwd, 'certs/ca.crt'), to: '/etc/rancher/k3s/dockgate-ca.crt' }])
})

test('podman and CRI-O get one drop-in for registries.conf', async (t) => {
  const registry = (name: string) =>
    `[[registry]]\nprefix = "${name}"\nlocation = "${name}"\n\n` +
    `[[registry.mirror]]\nlocation = "mirror.lan:5443/${name}"\n`
  const [podman, crio] = [await printed(t, LAN, 'podman'), await printed(t, LAN, 'crio')]
  assert.deepEqual(podman.files, [
    {
      path: '/etc/containers/registries.conf.d/010-dockgate.conf',
      content: `${registry('docker.io')}\n${registry('quay.io')}`,
    },
  ])
  assert.equal(podman.copies[0]?.to, '/etc/containers/certs.d/mirror.lan:5443/ca.crt')
  assert.deepEqual(crio.files, podman.files)
  assert.match(crio.notes.join(), /reload crio/)
})

test('BuildKit gets the namespace in the path of the mirror, and the CA of its host', async (t) => {
  const { files } = await printed(t, { ...LAN, publicUrl: 'https://mirror.lan' }, 'buildkit')
  const content = [
    '[registry."docker.io"]',
    '  mirrors = ["mirror.lan/docker.io"]',
    '',
    '[registry."quay.io"]',
    '  mirrors = ["mirror.lan/quay.io"]',
    '',
    '[registry."mirror.lan"]',
    '  ca = ["/etc/buildkit/dockgate-ca.crt"]',
    '',
  ].join('\n')
  assert.deepEqual(files, [{ path: '/etc/buildkit/buildkitd.toml', content }])
})

test('for people, the path stands before each file, and what is left to do behind them', async (t) => {
  const { stdout } = await run(t, LAN, 'k3s', '--ca', '/etc/ssl/lan.crt')
  assert.match(stdout, /^# \/etc\/rancher\/k3s\/registries\.yaml\nmirrors:\n/)
  assert.match(stdout, /^# Copy \/etc\/ssl\/lan\.crt .* to \/etc\/rancher\/k3s\/dockgate-ca\.crt$/m)
  assert.match(stdout, /systemctl restart k3s/)
})

test('what can not be printed is refused in one line that says what to do', async (t) => {
  const refusal = async (config: object, ...args: string[]) => {
    const { code, stderr } = await run(t, config, ...args)
    assert.notEqual(code, 0)
    assert.equal(stderr.trim().split('\n').length, 1)
    return stderr
  }
  assert.match(await refusal(LAN, 'nix'), /Allowed choices are docker, containerd, k3s/)
  assert.match(await refusal(LAN, 'docker', '--url', 'mirror.lan'), /must be an origin such as https:/)
  const { hub: _hub, ...upstreams } = MIRRORS.upstreams
  const { 'docker.io/**': _route, ...repositories } = MIRRORS.repositories
  assert.match(await refusal({ ...LAN, upstreams, repositories }, 'docker'), /Docker Hub alone/)
  const own = { repositories: { '**': { store: 'main' } }, stores: { main: { filesystem: { root: 'd' } } } }
  assert.match(await refusal(own, 'podman'), /nothing is mirrored/)
  assert.match(
    await refusal({ ...MIRRORS, listen: [{ address: ':0', tls: 'auto' }] }, 'podman'),
    /give --url or publicUrl/,
  )
})
