// What the documentation shows works: every configuration loads, and pages that tell a story can be followed.
import assert from 'node:assert/strict'
import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ConfigError } from '../../src/config/config-error.ts'
import { DEFAULT_FILE } from '../../src/config/defaults.ts'
import { loadConfig } from '../../src/config/load.ts'
import { makeCertificate } from '../support/certificates.ts'
import { startDockerRegistry } from '../support/docker-registry.ts'
import { startGateway } from '../support/gateway.ts'
import { startHub } from '../support/hub.ts'
import { multiArch } from '../support/images.ts'
import { readLayout, writeLayout } from '../support/oci-layout.ts'
import { freePort } from '../support/port.ts'
import { temporaryFolder, type Scope } from '../support/scope.ts'
import { followPage, listPages, readBlocks, type Block } from './pages.ts'

const PASSWORD = 'a password: with colons'
/** Files that the pages name and their readers have. */
const FILES = [
  'config/htpasswd',
  'config/team-b.htpasswd',
  'config/k8s-keys.json',
  'config/gitlab-registry.crt',
  'certs/registry.crt',
  'certs/registry.key',
  'certs/ldap-ca.crt',
  'certs/core-ca.crt',
  'certs/clients.crt',
]
const SECRETS = ['config/ldap-password', 'config/gitlab-password']

test('every YAML example is a configuration that loads', async (t) => {
  const pages = await Promise.all((await listPages()).map(readBlocks))
  const examples = pages.flat().filter(({ kind }) => kind === 'yaml')
  assert.ok(examples.length > 10)
  const problems = await Promise.all(examples.map((example) => problemsOf(t, example)))
  assert.deepEqual(problems.flat(), [])
})

test('README.md: a first login, push and pull', async (t) => {
  const { folder, image } = await clone(t)
  const gateway = await startGateway(t, {
    folder,
    users: { admin: PASSWORD },
    config: {
      ...DEFAULT_FILE,
      listen: [{ address: 'localhost:0', tls: 'auto' }],
      auth: { htpasswd: { file: 'htpasswd' } },
    },
  })
  const replace = { 'localhost:5443': gateway.host }
  await followPage(t, 'README.md', { folder, replace, env: { PASSWORD } })
  assert.equal((await readLayout(join(folder, 'copy')))['1.0']?.digest, image)
})

test('docs/front-a-registry.md: before registry:2, then in its place on the same data', async (t) => {
  const { folder, image } = await clone(t)
  const { certificate, key } = await makeCertificate(t)
  await copyFile(certificate, join(folder, 'certs/registry.crt'))
  await copyFile(key, join(folder, 'certs/registry.key'))
  const [core, port] = [await startDockerRegistry(t), await freePort()]
  const replace = {
    'registry.example.com': `localhost:${port}`,
    "':443'": `'127.0.0.1:${port}'`,
    "':80'": `'127.0.0.1:${await freePort()}'`,
    'http://127.0.0.1:5000': core.url,
    '/var/lib/registry': core.root,
  }
  const env = { PASSWORD, SSL_CERT_FILE: certificate }
  await followPage(t, 'docs/front-a-registry.md', { folder, replace, env })
  assert.equal((await readLayout(join(folder, 'copy')))['1.0']?.digest, image)
})

test('docs/mirror-docker-hub.md: an image of Docker Hub comes through the mirror', async (t) => {
  const { folder } = await clone(t)
  const alpine = multiArch()
  const hub = await startHub(t, { images: { 'library/alpine:3.20': alpine } })
  const replace = { ...(await ownPort()), 'https://registry-1.docker.io': hub.url }
  await followPage(t, 'docs/mirror-docker-hub.md', { folder, replace, env: {} })
  assert.equal((await readLayout(join(folder, 'alpine')))['3.20']?.digest, alpine.manifest.digest)
  assert.ok(hub.received({ method: 'GET' }).length > 0)
})

test('docs/client-configuration.md: an image comes through the mirror by the file that is printed', async (t) => {
  const { folder } = await clone(t)
  const alpine = multiArch()
  const hub = await startHub(t, { images: { 'library/alpine:3.20': alpine } })
  const replace = { ...(await ownPort()), 'url: https://registry-1.docker.io': `url: ${hub.url}` }
  await followPage(t, 'docs/client-configuration.md', { folder, replace, env: {} })
  assert.equal((await readLayout(join(folder, 'alpine')))['3.20']?.digest, alpine.manifest.digest)
  assert.ok(hub.received({ method: 'GET' }).length > 0)
})

test('docs/logins-and-grants.md: who may do what is what the page says', async (t) => {
  const { folder, image } = await clone(t)
  await followPage(t, 'docs/logins-and-grants.md', { folder, replace: await ownPort(), env: { PASSWORD } })
  assert.equal((await readLayout(join(folder, 'anonymous')))['1.0']?.digest, image)
})

test('docs/tokens.md: a robot pushes with its token, until that is revoked', async (t) => {
  const { folder } = await clone(t)
  await followPage(t, 'docs/tokens.md', { folder, replace: await ownPort(), env: { PASSWORD } })
})

test('docs/tls.md: the certificate that the page makes passes the check', async (t) => {
  const { folder } = await clone(t)
  await followPage(t, 'docs/tls.md', { folder, replace: {}, env: {} })
})

/** What is wrong with an example in a folder that holds the files it names. */
async function problemsOf(t: Scope, { page, line, text }: Block): Promise<string[]> {
  const { folder: cwd } = await clone(t)
  await writeFile(join(cwd, 'example.yml'), text)
  // Elsewhere it is made by the first start.
  await writeFile(join(cwd, 'certs/token.key'), '')
  try {
    await loadConfig('example.yml', {}, { cwd })
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ message }) => `${page}:${line}: ${message}`)
  }
}

/** A reader's folder: the files that pages name, and an image to push. */
async function clone(t: Scope): Promise<{ folder: string; image: string }> {
  const folder = await temporaryFolder(t)
  const image = multiArch()
  await mkdir(join(folder, 'config'))
  await mkdir(join(folder, 'certs'))
  await Promise.all(FILES.map((file) => writeFile(join(folder, file), '')))
  await Promise.all(SECRETS.map((file) => writeFile(join(folder, file), 'secret\n')))
  await writeLayout(join(folder, 'image'), { '1.0': image })
  return { folder, image: image.manifest.digest }
}

async function ownPort(): Promise<Record<string, string>> {
  const port = await freePort()
  return { "':5443'": `'127.0.0.1:${port}'`, 'localhost:5443': `localhost:${port}` }
}
