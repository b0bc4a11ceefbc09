// The real servers that tests start: they answer, they can be disturbed, and they are gone afterwards.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeCertificate } from './certificates.ts'
import { startDockerRegistry } from './docker-registry.ts'
import { writeHtpasswd } from './htpasswd.ts'
import { connectRaw, send } from './http.ts'
import { imageOf } from './images.ts'
import { startNginx } from './nginx.ts'
import { writeLayout } from './oci-layout.ts'
import { startProcess } from './process.ts'
import { startRedis } from './redis.ts'
import { temporaryFolder } from './scope.ts'
import { copyImage, skopeoFor, SkopeoError } from './skopeo.ts'

test('a frozen Redis keeps its connections and answers none, until it is thawed', async (t) => {
  const redis = await startRedis(t)
  redis.freeze()
  const connection = await connectRaw(`http://127.0.0.1:${redis.port}`)
  connection.write('PING\r\n')
  await assert.rejects(connection.receive(/\+PONG/, 100))
  redis.thaw()
  await connection.receive(/\+PONG/)
  connection.close()
})

test('a Redis that was killed refuses connections, until it is restarted', async (t) => {
  const redis = await startRedis(t)
  const first = redis.pid
  await redis.kill()
  await assert.rejects(once(connect(redis.port, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' })
  await redis.restart()
  assert.notEqual(redis.pid, first)
})

test('registry:2 over TLS with a password file takes a push of skopeo and keeps it over a restart', async (t) => {
  const tls = await makeCertificate(t)
  const htpasswd = await writeHtpasswd(t, { alice: 'secret' })
  const registry = await startDockerRegistry(t, { tls, htpasswd })
  const [skopeo, folder] = [await skopeoFor(t), await temporaryFolder(t)]
  const image = imageOf({ layers: 3 })
  await writeLayout(folder, { it: image })
  const to = { image: `docker://${registry.host}/a/b:1`, caFolder: tls.caFolder }
  await copyImage(skopeo, { image: `oci:${folder}:it` }, { ...to, credentials: 'alice:secret' })
  await registry.restart()
  const account = { username: 'alice', password: 'secret' }
  const options = { ca: tls.ca, account, headers: { Accept: image.manifest.mediaType } }
  const { status, headers } = await send(`${registry.url}/v2/a/b/manifests/1`, options)
  assert.deepEqual([status, headers['docker-content-digest']], [200, image.manifest.digest])
})

test('variables of the shell that would override its configuration do not reach registry:2', async (t) => {
  process.env['REGISTRY_HTTP_TLS_CERTIFICATE'] = '/nowhere'
  t.after(() => delete process.env['REGISTRY_HTTP_TLS_CERTIFICATE'])
  const { url } = await startDockerRegistry(t)
  assert.equal((await send(`${url}/v2/`)).status, 200)
})

test('skopeo that fails rejects with what it said', async (t) => {
  const registry = await startDockerRegistry(t)
  const skopeo = await skopeoFor(t)
  const attempt = skopeo('inspect', '--tls-verify=false', `docker://${registry.host}/a/b:1`)
  await assert.rejects(
    attempt,
    (error) => error instanceof SkopeoError && /manifest unknown/.test(error.message),
  )
})

test('nginx serves what its configuration says', async (t) => {
  const nginx = await startNginx(t, {
    config: ({ port }) => `server { listen 127.0.0.1:${port}; location / { return 200 "hello"; } }`,
  })
  assert.equal((await send(`http://127.0.0.1:${nginx.port}/`)).text(), 'hello')
})

test('a program that ends before it is ready is reported with its log', async (t) => {
  const config = await temporaryFolder(t)
  const file = join(config, 'config.yml')
  await writeFile(file, 'version: 9')
  const starting = startProcess(t, 'docker-registry', { args: ['serve', file], ready: () => false })
  await assert.rejects(starting, /docker-registry did not start:\n[^]*configuration/)
})
