// Proxies, client certificates, and what may be reached by which way.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFile, readFile, rename } from 'node:fs/promises'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { buffer } from 'node:stream/consumers'
import { digestOf } from '../../src/oci/digest.ts'
import {
  createUpstreamClient,
  type UpstreamClientOptions,
} from '../../src/upstream/create-upstream-client.ts'
import { UpstreamInvalidAnswerError, UpstreamUnavailableError } from '../../src/upstream/errors.ts'
import { tlsFiles } from '../../src/upstream/tls-files.ts'
import { makeCertificate, type TestCertificate } from '../support/certificates.ts'
import { makeClientAuthority } from '../support/client-certificates.ts'
import { startForwardProxy } from '../support/forward-proxy.ts'
import { basic } from '../support/http.ts'
import { startHub } from '../support/hub.ts'
import { imageOf } from '../support/images.ts'
import { atEnd, temporaryFolder, type Scope } from '../support/scope.ts'
import { until } from '../support/until.ts'
import { reference, repository } from './names.ts'
import { manifestBytes, startScriptedServer } from './scripted-server.ts'

const alpine = repository('library/alpine')
const latest = reference('latest')
const bytes = Buffer.from('the bytes of a blob')
const digest = digestOf(bytes)

function clientOf(t: Scope, options: UpstreamClientOptions) {
  const client = createUpstreamClient(options)
  atEnd(t, () => client.close())
  return client
}

const named = (url: string, name: string): string => url.replace('127.0.0.1', name)

test('an http upstream is asked through the proxy, which alone is sent its login', async (t) => {
  const [proxy, registry] = [
    await startForwardProxy(t),
    await startScriptedServer(t, (_req, res) => res.end(manifestBytes())),
  ]
  const url = named(registry.url, 'registry.test')
  const client = clientOf(t, { url, proxy: { http: proxy.url.replace('//', '//me:pw@') } })
  await client.getManifest(alpine, latest)
  assert.deepEqual(proxy.asked, [`GET ${url}/v2/library/alpine/manifests/latest`])
  assert.deepEqual(proxy.logins, [basic('me', 'pw')])
  assert.equal(registry.requests[0]?.headers['proxy-authorization'], undefined)
})

test('an https upstream is asked through a tunnel, and proves itself to us by its own certificate', async (t) => {
  const proxy = await startForwardProxy(t)
  const tls = await makeCertificate(t, ['registry.test'])
  const hub = await startHub(t, { images: { 'library/alpine:latest': imageOf() }, tls })
  const url = named(hub.url, 'registry.test')
  const options = { url, proxy: { https: proxy.url, bypass: ['127.0.0.1'] }, allowedRealms: ['127.0.0.1'] }
  // The realm is on this machine, which nobody sends a client to who is reached by a proxy.
  const client = clientOf(t, { ...options, ca: tls.ca, allowedRedirects: [new URL(hub.tokenUrl).origin] })
  await client.getManifest(alpine, latest)
  assert.deepEqual(new Set(proxy.asked), new Set([`CONNECT ${new URL(url).host}`]))
  const untrusting = clientOf(t, options)
  await assert.rejects(untrusting.getManifest(alpine, latest), UpstreamUnavailableError)
})

test('hosts that are to be reached straight are, and a proxy that is down fails the others', async (t) => {
  const registry = await startScriptedServer(t, (_req, res) => res.end(manifestBytes()))
  const url = named(registry.url, 'registry.test')
  const resolve: UpstreamClientOptions['resolve'] = (_name, callback) =>
    callback(null, [{ address: '127.0.0.1', family: 4 }])
  const http = 'http://127.0.0.1:1'
  await clientOf(t, { url, resolve, proxy: { http, bypass: ['.test'] } }).getManifest(alpine, latest)
  const proxied = clientOf(t, { url, resolve, proxy: { http } })
  await assert.rejects(proxied.getManifest(alpine, latest), UpstreamUnavailableError)
})

test('through a proxy, too, nobody is led to addresses inside, unless they are allowed', async (t) => {
  const proxy = await startForwardProxy(t)
  const cdn = await startScriptedServer(t, (_req, res) => res.end(bytes))
  let inside = ''
  const registry = await startScriptedServer(t, (_req, res) => res.writeHead(307, { location: inside }).end())
  const options = { url: named(registry.url, 'registry.test'), proxy: { http: proxy.url } }
  const client = clientOf(t, options)
  const { port } = new URL(cdn.url)
  for (const host of ['10.0.0.1', '169.254.169.254', '[::ffff:10.0.0.1]', 'localhost', '127.0.0.1']) {
    inside = `http://${host}:${port}/blob`
    await assert.rejects(client.openBlob(alpine, digest), UpstreamInvalidAnswerError, host)
  }
  assert.equal(cdn.requests.length, 0)
  inside = `http://10.0.0.1:${port}/blob`
  const allowed = clientOf(t, { ...options, allowedRedirects: [`http://10.0.0.1:${port}`] })
  assert.deepEqual(await buffer((await allowed.openBlob(alpine, digest)).body), bytes)
})

/** A registry over TLS that says who its client's certificate names. */
async function startAskingForCertificates(
  t: Scope,
  tls: TestCertificate,
  ca: string,
  location?: () => string,
) {
  const [cert, key] = [await readFile(tls.certificate), await readFile(tls.key)]
  const seen: (string | undefined)[] = []
  const server = createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: false }, (req, res) => {
    const subject = (req.socket as TLSSocket).getPeerCertificate().subject
    seen.push(subject ? String(subject.CN) : undefined)
    // Each request has a connection of its own.
    res.setHeader('connection', 'close')
    if (location) res.writeHead(307, { location: location() }).end()
    else res.end(req.url?.includes('/manifests/') ? manifestBytes() : bytes)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  atEnd(t, async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

test('our certificate is shown to the upstream, and not to where it sends us', async (t) => {
  const [tls, authority] = [await makeCertificate(t), await makeClientAuthority(t)]
  const { certFile, keyFile } = await authority.issue('/CN=gateway')
  const cdn = await startAskingForCertificates(t, tls, authority.pem)
  const registry = await startAskingForCertificates(t, tls, authority.pem, () => `${cdn.url}/blob`)
  const client = clientOf(t, {
    url: registry.url,
    tls: tlsFiles({ caFile: tls.certificate }),
    identity: tlsFiles({ certificateFile: certFile, keyFile }),
  })
  await buffer((await client.openBlob(alpine, digest)).body)
  assert.deepEqual([registry.seen, cdn.seen], [['gateway'], [undefined]])
})

test('a certificate that was replaced is shown from the next connection on, once its key is there too', async (t) => {
  const [tls, authority] = [await makeCertificate(t), await makeClientAuthority(t)]
  const [first, second] = [await authority.issue('/CN=first'), await authority.issue('/CN=second')]
  const folder = await temporaryFolder(t)
  const files = { certificateFile: join(folder, 'crt'), keyFile: join(folder, 'key') }
  await copyFile(first.certFile, files.certificateFile)
  await copyFile(first.keyFile, files.keyFile)
  const registry = await startAskingForCertificates(t, tls, authority.pem)
  const source = tlsFiles(files)
  const client = clientOf(t, { url: registry.url, ca: tls.ca, identity: source })
  const before = await source()
  await client.getManifest(alpine, latest)
  await copyFile(second.certFile, `${files.certificateFile}.new`)
  await rename(`${files.certificateFile}.new`, files.certificateFile)
  await client.getManifest(alpine, latest)
  await copyFile(second.keyFile, `${files.keyFile}.new`)
  await rename(`${files.keyFile}.new`, files.keyFile)
  await until('the new pair is read', async () => (await source()) !== before)
  await client.getManifest(alpine, latest)
  assert.deepEqual(registry.seen, ['first', 'first', 'second'])
})
