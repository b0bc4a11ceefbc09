// Registries that want a client certificate: as an external core, and mirrored.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { makeCertificate, type TestCertificate } from '../support/certificates.ts'
import { makeClientAuthority } from '../support/client-certificates.ts'
import { startGateway } from '../support/gateway.ts'
import { send } from '../support/http.ts'
import { imageOf, type Image } from '../support/images.ts'
import { atEnd, type Scope } from '../support/scope.ts'

test('a core that wants a client certificate is shown ours, for manifests and for blobs', async (t) => {
  const [tls, authority] = [await makeCertificate(t), await makeClientAuthority(t)]
  const own = await authority.issue('/CN=gateway')
  const image = imageOf({ seed: 'mtls' })
  const { url: core, refused } = await startMtlsCore(t, { tls, ca: authority.pem, image })
  const gateway = await startGateway(t, {
    config: {
      access: [{ repositories: ['**'], pull: ['$anonymous'] }],
      upstreams: {
        core: {
          url: core,
          ca: tls.certificate,
          clientCertificate: { certificate: own.certFile, key: own.keyFile },
        },
      },
      repositories: { '**': { proxy: 'core' } },
      stores: {},
    },
  })
  const get = (path: string) => send(`${gateway.url}/v2/acme/app/${path}`, { ca: gateway.ca })
  assert.deepEqual((await get('manifests/1')).body, image.manifest.bytes)
  assert.deepEqual((await get(`blobs/${image.config.digest}`)).body, image.config.bytes)
  assert.equal(refused(), 0)
})

test('what only the holder of our certificate may read is mirrored for nobody else, unless it is meant to', async (t) => {
  const [tls, authority] = [await makeCertificate(t), await makeClientAuthority(t)]
  const own = await authority.issue('/CN=gateway')
  const { url } = await startMtlsCore(t, { tls, ca: authority.pem, image: imageOf({ seed: 'mtls' }) })
  const clientCertificate = { certificate: own.certFile, key: own.keyFile }
  const upstream = { url, namespace: 'inside', ca: tls.certificate, clientCertificate }
  const statusWith = async (visibility: object) => {
    const gateway = await startGateway(t, {
      config: {
        access: [{ repositories: ['**'], pull: ['$anonymous'] }],
        upstreams: { inside: { ...upstream, ...visibility } },
        repositories: { 'inside/**': { mirror: 'inside', store: 'mirror' } },
        stores: { mirror: { filesystem: { root: 'mirror' } } },
      },
    })
    return (await send(`${gateway.url}/v2/inside/acme/app/manifests/1`, { ca: gateway.ca })).status
  }
  assert.equal(await statusWith({}), 403)
  assert.equal(await statusWith({ visibility: 'shared' }), 200)
})

/** A registry of one image that answers nobody without a certificate of `ca`. */
async function startMtlsCore(
  t: Scope,
  { tls, ca, image }: { tls: TestCertificate; ca: string; image: Image },
) {
  let refusals = 0
  const [cert, key] = [await readFile(tls.certificate), await readFile(tls.key)]
  const server = createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: false }, (req, res) => {
    if (!(req.socket as TLSSocket).authorized) {
      refusals += 1
      res.writeHead(403).end()
    } else if (req.url?.includes('/manifests/'))
      res.writeHead(200, { 'content-type': image.manifest.mediaType }).end(image.manifest.bytes)
    else if (req.url?.includes('/blobs/')) res.end(image.config.bytes)
    else res.end('{}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, refused: () => refusals }
}
