// A core that verifies Bearer tokens (registry:2 with `auth: token`) behind a gateway that makes them.
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { SignJWT } from 'jose'
import { libtrustId } from '../../src/auth/external/libtrust-id.ts'
import { loadTokenCertificates } from '../../src/auth/service/token-certificate.ts'
import { signToken } from '../../src/auth/service/sign-token.ts'
import { CoreTokens } from '../../src/auth/service/core-tokens.ts'
import { TokenKeys, type SigningKey } from '../../src/auth/service/token-keys.ts'
import { loadTokenKey } from '../../src/auth/token-key.ts'
import { digestOf } from '../../src/oci/digest.ts'
import { startDockerRegistry, type DockerRegistry } from '../support/docker-registry.ts'
import { startGateway } from '../support/gateway.ts'
import { send } from '../support/http.ts'
import { imageOf, multiArch } from '../support/images.ts'
import { readLayout, writeLayout } from '../support/oci-layout.ts'
import { freePort } from '../support/port.ts'
import { temporaryFolder } from '../support/scope.ts'
import { copyImage, skopeoFor } from '../support/skopeo.ts'

const SERVICE = 'core.internal'
const ISSUER = 'dockgate'
const REALM = 'https://auth.invalid/token'

interface Core {
  readonly core: DockerRegistry
  /** The files of the gateway's key and its certificate. */
  readonly files: { readonly key: string; readonly certificate: string }
  readonly key: SigningKey
}

async function startCore(t: TestContext): Promise<Core> {
  const folder = await temporaryFolder(t)
  const files = { key: join(folder, 'token.key'), certificate: join(folder, 'token.crt') }
  const key = await loadTokenKey(files.key)
  const certificates = await loadTokenCertificates(files.certificate, key)
  const token = { realm: REALM, service: SERVICE, issuer: ISSUER, rootcertbundle: files.certificate }
  return { core: await startDockerRegistry(t, { token }), files, key: { ...key, certificates } }
}

/** What the core says to a read of `team/app`: 404 is as good as there. */
async function ask({ core }: Core, token: string, path = 'team/app/tags/list'): Promise<number> {
  return (await send(`${core.url}/v2/${path}`, { token })).status
}

test('registry:2 accepts our tokens, for what they say and nothing else', async (t) => {
  const setting = await startCore(t)
  const tokens = new CoreTokens({ keys: new TokenKeys(setting.key), issuer: ISSUER, service: SERVICE })
  const pull = (await tokens.mint('repository:team/app:pull')).token
  assert.equal(await ask(setting, pull), 404)
  assert.equal(await ask(setting, pull, 'team/other/tags/list'), 401)
  const push = { method: 'POST', token: pull }
  assert.equal((await send(`${setting.core.url}/v2/team/app/blobs/uploads/`, push)).status, 401)
  const both = (await tokens.mint('repository:team/app:pull,push repository:base/a:pull')).token
  const start = { method: 'POST', token: both }
  assert.equal((await send(`${setting.core.url}/v2/team/app/blobs/uploads/`, start)).status, 202)
  assert.equal(await ask(setting, both, 'base/a/tags/list'), 404)
  assert.equal(await ask(setting, (await tokens.mint('repository:**:* x :::')).token), 401)
})

test('registry:2 finds our key by the name that libtrust gives it, too', async (t) => {
  const setting = await startCore(t)
  const { privateKey, publicKey } = setting.key
  const access = [{ type: 'repository', name: 'team/app', actions: ['pull'] }]
  const signed = await signToken(
    { privateKey, publicKey, kid: libtrustId(publicKey) },
    { issuer: ISSUER, service: SERVICE, subject: 'x', claims: { access }, lifeSeconds: 300 },
  )
  assert.equal(await ask(setting, signed.token), 404)
})

test('registry:2 refuses what is forged, expired, or meant for another', async (t) => {
  const setting = await startCore(t)
  const { key } = setting
  const access = [{ type: 'repository', name: 'team/app', actions: ['pull'] }]
  const good = { issuer: ISSUER, service: SERVICE, subject: 'x', claims: { access }, lifeSeconds: 300 }
  const status = async (signer: SigningKey, changes: Partial<typeof good & { now: Date }>) =>
    ask(setting, (await signToken(signer, { ...good, ...changes })).token)
  assert.equal(await status(key, {}), 404)
  assert.equal(await status(key, { issuer: 'other' }), 401)
  assert.equal(await status(key, { service: 'registry.test' }), 401)
  const now = Date.now()
  assert.equal(await status(key, { now: new Date(now - 3600_000) }), 401)
  assert.equal(await status(key, { now: new Date(now + 3600_000) }), 401)
  const stranger = await loadTokenKey(join(await temporaryFolder(t), 'stranger.key'))
  assert.equal(await status({ ...stranger, certificates: key.certificates }, {}), 401)
  const own = await loadTokenCertificates(join(await temporaryFolder(t), 'stranger.crt'), stranger)
  assert.equal(await status({ ...stranger, certificates: own }, {}), 401)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
  const unnamed = await new SignJWT({ access }).setProtectedHeader({ alg: 'ES256' }).sign(privateKey)
  assert.equal(await ask(setting, unnamed), 401)
})

test('skopeo pushes and pulls through a gateway that makes the tokens of the core', async (t) => {
  const { core, files } = await startCore(t)
  const gateway = await startGateway(t, {
    config: {
      auth: { htpasswd: { file: 'htpasswd' }, token: files },
      access: [{ repositories: ['**'], pull: ['$authenticated'], push: ['alice'], delete: ['alice'] }],
      upstreams: { core: { url: core.url, token: { service: SERVICE } } },
      repositories: { '**': { proxy: 'core' } },
      stores: {},
    },
  })
  const [skopeo, folder] = [await skopeoFor(t), await temporaryFolder(t)]
  await writeLayout(join(folder, 'in'), { many: imageOf({ layers: 5 }), multi: multiArch() })
  const { host, caFolder, url, ca } = gateway
  for (const tag of ['many', 'multi']) {
    const there = { image: `docker://${host}/team-a/app:${tag}`, credentials: 'alice:alice-secret', caFolder }
    await copyImage(skopeo, { image: `oci:${folder}/in:${tag}` }, there)
    // A second repository: layers are mounted from the first.
    await copyImage(skopeo, there, { ...there, image: `docker://${host}/team-b/app:${tag}` })
    await copyImage(skopeo, there, { image: `oci:${folder}/out:${tag}` })
  }
  const [pushed, pulled] = [await readLayout(join(folder, 'in')), await readLayout(join(folder, 'out'))]
  assert.equal(pulled['many']?.digest, pushed['many']?.digest)
  assert.equal(pulled['multi']?.digest, pushed['multi']?.digest)
  const account = { username: 'alice', password: 'alice-secret' }
  const gone = await send(`${url}/v2/team-b/app/manifests/${pushed['many']?.digest}`, {
    method: 'DELETE',
    ca,
    account,
  })
  assert.equal(gone.status, 202)
  // The core is asked with our tokens, and never with those of clients.
  const { token } = (await send(`${url}/token?scope=repository:team-a/app:pull`, { ca, account })).json<{
    token: string
  }>()
  assert.equal((await send(`${core.url}/v2/team-a/app/tags/list`, { token })).status, 401)
  assert.equal((await send(`${url}/v2/team-a/app/tags/list`, { ca, token })).status, 200)
  assert.equal((await send(`${url}/v2/team-a/app/blobs/${digestOf('x')}`, { ca, token })).status, 404)
  assert.doesNotMatch(core.log(), /alice/)
})

test('a core that sends its clients to a token server elsewhere gets the tokens of that server, in every stream', async (t) => {
  const port = await freePort()
  const server = await startGateway(t, {
    users: { gateway: 'gateway-secret' },
    config: {
      listen: [{ address: `127.0.0.1:${port}`, tls: 'auto' }],
      auth: {
        htpasswd: { file: 'htpasswd' },
        token: { service: SERVICE, key: 'token.key', certificate: 'token.crt' },
      },
      access: [{ repositories: ['**'], push: ['gateway'] }],
    },
  })
  const token = {
    realm: `${server.url}/token`,
    service: SERVICE,
    issuer: ISSUER,
    rootcertbundle: join(server.folder, 'token.crt'),
  }
  const core = await startDockerRegistry(t, { token })
  const login = { username: 'gateway', password: 'gateway-secret', ca: join(server.folder, 'certs/ca.crt') }
  const gateway = await startGateway(t, {
    config: {
      access: [{ repositories: ['**'], push: ['alice'] }],
      upstreams: { core: { url: core.url, ...login } },
      repositories: { '**': { proxy: 'core' } },
      stores: {},
    },
  })
  const [skopeo, folder] = [await skopeoFor(t), await temporaryFolder(t)]
  const image = imageOf({ layers: 5 })
  await writeLayout(join(folder, 'in'), { many: image })
  const { host, caFolder } = gateway
  const there = { image: `docker://${host}/team-a/app:1`, credentials: 'alice:alice-secret', caFolder }
  await copyImage(skopeo, { image: `oci:${folder}/in:many` }, there)
  await copyImage(skopeo, there, { ...there, image: `docker://${host}/team-b/app:1` })
  await copyImage(skopeo, there, { image: `oci:${folder}/out:1` })
  assert.equal((await readLayout(join(folder, 'out')))['1']?.digest, image.manifest.digest)
})
