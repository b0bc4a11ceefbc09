// Client certificates on a real TLS listener.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Agent, type AgentOptions } from 'node:https'
import { test } from 'node:test'
import { connect as connectTls, type ConnectionOptions } from 'node:tls'
import { ClientCertificates } from '../../../src/auth/certificates/client-certificates.ts'
import { loadClientCas } from '../../../src/server/client-cas.ts'
import { Listener, type ClientCas } from '../../../src/server/listener.ts'
import { makeCertificate } from '../../support/certificates.ts'
import { makeClientAuthority, type ClientCertificate } from '../../support/client-certificates.ts'
import { send } from '../../support/http.ts'
import { atEnd, fileScope, type Scope } from '../../support/scope.ts'
import { until } from '../../support/until.ts'

const scope = fileScope()
const [server, authority, stranger] = await Promise.all([
  makeCertificate(scope),
  makeClientAuthority(scope),
  makeClientAuthority(scope),
])
const [ci, forged] = await Promise.all([authority.issue('/CN=ci'), stranger.issue('/CN=ci')])
const key = await readFile(server.key, 'utf8')

/** Answers each request with the name that the certificate gives. */
async function start(t: Scope, clientCas: Partial<ClientCas> | undefined = {}) {
  const certificates = new ClientCertificates({ user: 'cn', prefix: 'cert:' })
  const materialOf = (cas: Partial<ClientCas> | undefined) => ({
    cert: server.ca,
    key,
    clientCas: cas && { certificates: [authority.pem], isRequired: false, ...cas },
  })
  const listener = new Listener({
    host: '127.0.0.1',
    port: 0,
    tls: materialOf(clientCas),
    handler: (req, res) => void res.end(certificates.identify(req)?.name ?? 'nobody'),
    idleTimeoutMs: 10_000,
  })
  const port = await listener.listen()
  atEnd(t, () => listener.close(0))
  const url = `https://127.0.0.1:${port}/`
  return { url, port, replace: (cas: Partial<ClientCas>) => listener.replaceTls(materialOf(cas)) }
}

async function ask(
  url: string,
  certificate?: ClientCertificate,
  options: AgentOptions = {},
): Promise<string> {
  const agent = new Agent({ ca: server.ca, ...certificate, ...options })
  try {
    return (await send(url, { agent })).text()
  } finally {
    agent.destroy()
  }
}

test('a certificate that the authority signed names its account', async (t) => {
  const { url } = await start(t)
  assert.equal(await ask(url, ci), 'cert:ci')
  assert.equal(await ask(url, ci, { maxVersion: 'TLSv1.2' }), 'cert:ci')
})

test('who has no certificate, or one of a stranger, is nobody', async (t) => {
  const { url } = await start(t)
  assert.equal(await ask(url), 'nobody')
  assert.equal(await ask(url, forged), 'nobody')
  assert.equal(await ask(url, forged, { maxVersion: 'TLSv1.2' }), 'nobody')
})

test('where certificates are required nobody else gets as far as a request', async (t) => {
  const { url } = await start(t, { isRequired: true })
  assert.equal(await ask(url, ci), 'cert:ci')
  await assert.rejects(ask(url))
  await assert.rejects(ask(url, forged))
})

test('a listener without authorities believes no certificate', async (t) => {
  const certificates = new ClientCertificates({ user: 'cn', prefix: 'cert:' })
  const listener = new Listener({
    host: '127.0.0.1',
    port: 0,
    tls: { cert: server.ca, key },
    handler: (req, res) => void res.end(certificates.identify(req)?.name ?? 'nobody'),
    idleTimeoutMs: 10_000,
  })
  atEnd(t, () => listener.close(0))
  assert.equal(await ask(`https://127.0.0.1:${await listener.listen()}/`, ci), 'nobody')
})

test('a resumed session keeps its certificate, and one that had none stays nobody', async (t) => {
  const { port } = await start(t)
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const options = { host: '127.0.0.1', port, ca: server.ca, maxVersion }
    const session = await firstSession({ ...options, cert: ci.cert, key: ci.key })
    assert.deepEqual(await askOn({ ...options, session }), { isReused: true, name: 'cert:ci' })
    const anonymous = await firstSession(options)
    const shown = { cert: ci.cert, key: ci.key }
    assert.deepEqual(await askOn({ ...options, ...shown, session: anonymous }), {
      isReused: true,
      name: 'nobody',
    })
  }
})

test('other authorities end what the former ones let in: connections, and sessions', async (t) => {
  const { url, port, replace } = await start(t)
  const agent = new Agent({ ca: server.ca, cert: ci.cert, key: ci.key, keepAlive: true, maxSockets: 1 })
  atEnd(t, () => agent.destroy())
  const options = { host: '127.0.0.1', port, ca: server.ca }
  const session = await firstSession({ ...options, cert: ci.cert, key: ci.key })
  assert.equal((await send(url, { agent })).text(), 'cert:ci')
  replace({ certificates: [stranger.pem] })
  await until('the kept connection is closed', () => Object.keys(agent.freeSockets).length === 0)
  assert.equal((await send(url, { agent })).text(), 'nobody')
  assert.equal(await ask(url, forged), 'cert:ci')
  assert.deepEqual(await askOn({ ...options, session }), { isReused: false, name: 'nobody' })
})

test('the same authorities again cost nobody his connection', async (t) => {
  const { url, replace } = await start(t)
  const agent = new Agent({ ca: server.ca, cert: ci.cert, key: ci.key, keepAlive: true, maxSockets: 1 })
  atEnd(t, () => agent.destroy())
  await send(url, { agent })
  const [kept] = Object.values(agent.freeSockets).flat()
  replace({})
  await send(url, { agent })
  assert.equal(Object.values(agent.freeSockets).flat()[0], kept)
})

test('an expired certificate is nobody, also on a connection that it once opened', async (t) => {
  const { url } = await start(t)
  const agent = new Agent({ ca: server.ca, cert: ci.cert, key: ci.key, keepAlive: true, maxSockets: 1 })
  atEnd(t, () => agent.destroy())
  assert.equal((await send(url, { agent })).text(), 'cert:ci')
  t.mock.method(Date, 'now', () => new Date('2100-01-01').getTime())
  assert.equal((await send(url, { agent })).text(), 'nobody')
})

test('a file of authorities that holds none is refused', async () => {
  assert.equal((await loadClientCas([authority.file, stranger.file])).length, 2)
  await assert.rejects(loadClientCas([ci.keyFile]), /holds no PEM certificate/)
  await assert.rejects(loadClientCas([ci.certFile]), /no authority/)
  await assert.rejects(loadClientCas(['/nowhere/ca.crt']), /cannot be read/)
})

async function firstSession(options: ConnectionOptions): Promise<Buffer> {
  const socket = connectTls(options)
  // TLS 1.3 sends tickets after the handshake.
  const given = once(socket, 'session')
  await once(socket, 'secureConnect')
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  const [session] = (await given) as [Buffer]
  socket.resume()
  await once(socket, 'close')
  return session
}

async function askOn(options: ConnectionOptions): Promise<{ isReused: boolean; name: string }> {
  const socket = connectTls(options)
  await once(socket, 'secureConnect')
  socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  const isReused = socket.isSessionReused()
  let text = ''
  for await (const piece of socket.setEncoding('utf8')) text += String(piece)
  return { isReused, name: text.split('\r\n\r\n')[1] ?? '' }
}
