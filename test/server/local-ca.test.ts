import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:https'
import { request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { ensureLocalCertificate, LocalCaError } from '../../src/server/local-ca.ts'
import { makeCertificate } from '../support/certificates.ts'
import { atEnd, temporaryFolder, type Scope } from '../support/scope.ts'

const DAY_MS = 24 * 3600_000

function inDays(days: number): Date {
  return new Date(Date.now() + days * DAY_MS)
}

async function serve(t: Scope, { certificatePem, keyPem }: { certificatePem: string; keyPem: string }) {
  const server = createServer({ cert: certificatePem, key: keyPem }, (_req, res) => res.end())
  server.listen(0, '::')
  await once(server, 'listening')
  atEnd(t, () => void server.close())
  return (server.address() as AddressInfo).port
}

/** The status of a request that verifies the server; rejects when the handshake fails. */
async function get(host: string, port: number, ca: string): Promise<number | undefined> {
  const sent = request({ host, port, ca, agent: false })
  sent.end()
  const [response] = await once(sent, 'response')
  response.resume()
  return response.statusCode
}

test('a client that trusts the CA reaches the server by name and by loopback address', async (t) => {
  const certificate = await ensureLocalCertificate({
    folder: await temporaryFolder(t),
    names: ['registry.test'],
  })
  const port = await serve(t, certificate)
  const ca = await readFile(certificate.caFile, 'utf8')
  assert.equal(await get('localhost', port, ca), 200)
  assert.equal(await get('127.0.0.1', port, ca), 200)
  assert.equal(await get('::1', port, ca), 200)
  await assert.rejects(get('127.0.0.2', port, ca), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })
  const leaf = new X509Certificate(certificate.certificatePem)
  assert.equal(leaf.checkHost('registry.test'), 'registry.test')
  assert.equal(leaf.checkHost(hostname().toLowerCase()), hostname().toLowerCase())
})

test('openssl finds nothing to object to, in its strict mode', async (t) => {
  const { caFile, certificateFile } = await ensureLocalCertificate({ folder: await temporaryFolder(t) })
  const purpose = ['-x509_strict', '-purpose', 'sslserver', '-verify_hostname', 'localhost']
  const { stdout } = await promisify(execFile)('openssl', [
    'verify',
    ...purpose,
    '-CAfile',
    caFile,
    certificateFile,
  ])
  assert.equal(stdout, `${certificateFile}: OK\n`)
})

test('keys are readable by their owner alone, and no draft is left behind', async (t) => {
  const folder = await temporaryFolder(t)
  await ensureLocalCertificate({ folder })
  assert.deepEqual((await readdir(folder)).toSorted(), ['ca.crt', 'ca.key', 'dockgate.crt', 'dockgate.key'])
  const modes = await Promise.all(
    ['ca.key', 'dockgate.key'].map(async (name) => (await stat(join(folder, name))).mode),
  )
  assert.deepEqual(
    modes.map((mode) => mode & 0o777),
    [0o600, 0o600],
  )
})

test('lives ten years and 397 days, and has positive serials', async (t) => {
  const { caFile, certificatePem, notAfter } = await ensureLocalCertificate({
    folder: await temporaryFolder(t),
  })
  const days = ({ validFromDate, validToDate }: X509Certificate) =>
    (validToDate.getTime() - validFromDate.getTime()) / DAY_MS
  const [authority, leaf] = [new X509Certificate(await readFile(caFile)), new X509Certificate(certificatePem)]
  assert.equal(days(authority), 3650)
  assert.equal(days(leaf), 397)
  assert.deepEqual(notAfter, leaf.validToDate)
  assert.match(authority.serialNumber, /^[4-7][0-9A-F]{31}$/)
  assert.match(leaf.serialNumber, /^[4-7][0-9A-F]{31}$/)
  assert.equal(authority.ca, true)
  assert.equal(leaf.ca, false)
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'])
})

test('the key is an elliptic one, and an RSA key that is there stays in use', async (t) => {
  const folder = await temporaryFolder(t)
  const made = await ensureLocalCertificate({ folder })
  assert.equal(new X509Certificate(made.certificatePem).publicKey.asymmetricKeyType, 'ec')
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const keyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  await writeFile(made.keyFile, keyPem)
  const kept = await ensureLocalCertificate({ folder })
  assert.equal(kept.keyPem, keyPem)
  assert.equal(await get('localhost', await serve(t, kept), await readFile(kept.caFile, 'utf8')), 200)
})

test('a restart keeps everything', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await ensureLocalCertificate({ folder })
  assert.deepEqual(await ensureLocalCertificate({ folder, now: inDays(300) }), first)
})

test('a certificate is renewed under the same keys a month before it ends', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await ensureLocalCertificate({ folder })
  const ca = await readFile(first.caFile, 'utf8')
  const second = await ensureLocalCertificate({ folder, now: inDays(368) })
  assert.notEqual(second.certificatePem, first.certificatePem)
  assert.equal(second.keyPem, first.keyPem)
  assert.equal(await readFile(first.caFile, 'utf8'), ca)
  assert(second.notAfter > inDays(700))
})

test('a certificate is issued anew when it lacks a name, and when the CA is another one', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await ensureLocalCertificate({ folder })
  const named = await ensureLocalCertificate({ folder, names: ['registry.test', '[fd00::99]'] })
  assert.notEqual(named.certificatePem, first.certificatePem)
  assert.notEqual(new X509Certificate(named.certificatePem).checkIP('fd00::99'), undefined)
  await rm(join(folder, 'ca.key'))
  await rm(join(folder, 'ca.crt'))
  const renewed = await ensureLocalCertificate({ folder })
  const authority = new X509Certificate(await readFile(renewed.caFile))
  assert(new X509Certificate(renewed.certificatePem).verify(authority.publicKey))
})

test('a CA whose certificate was lost, or ends too soon, is certified again under its key', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await ensureLocalCertificate({ folder })
  const { publicKey } = new X509Certificate(await readFile(first.caFile))
  await rm(first.caFile)
  await ensureLocalCertificate({ folder })
  assert(new X509Certificate(await readFile(first.caFile)).publicKey.equals(publicKey))
  const late = await ensureLocalCertificate({ folder, now: inDays(3400) })
  const authority = new X509Certificate(await readFile(first.caFile))
  assert(authority.publicKey.equals(publicKey))
  assert(authority.validToDate > late.notAfter)
})

test('several processes that start at once agree on one CA', async (t) => {
  const folder = await temporaryFolder(t)
  const results = await Promise.all(Array.from({ length: 4 }, () => ensureLocalCertificate({ folder })))
  assert.equal(new Set(results.map(({ keyPem }) => keyPem)).size, 1)
  const authority = new X509Certificate(await readFile(join(folder, 'ca.crt')))
  for (const { certificatePem } of results)
    assert(new X509Certificate(certificatePem).verify(authority.publicKey))
})

test('files that are not usable are named in one line that keeps keys secret', async (t) => {
  const folder = await temporaryFolder(t)
  await ensureLocalCertificate({ folder })
  const message = () =>
    ensureLocalCertificate({ folder }).then(
      () => 'no error',
      (error: unknown) =>
        error instanceof LocalCaError ? error.message.replace(`${folder}/`, '') : String(error),
    )
  const other = await makeCertificate(t)
  await writeFile(join(folder, 'dockgate.crt'), 'garbage')
  assert.equal(await message(), 'dockgate.crt: is not a certificate; move it away and start again')
  await writeFile(join(folder, 'ca.crt'), await readFile(other.certificate))
  assert.match(await message(), /^ca\.crt: does not belong to .*ca\.key; restore the pair or move both away$/)
  await writeFile(join(folder, 'ca.key'), await readFile(other.key))
  assert.equal(await message(), 'ca.key: is not an RSA private key in PEM form; move it away and start again')
})

test('a CA whose key was lost is not replaced unasked, and nothing is made', async (t) => {
  const folder = await temporaryFolder(t)
  const first = await ensureLocalCertificate({ folder })
  await rm(join(folder, 'ca.key'))
  await rm(join(folder, 'dockgate.crt'))
  const error: unknown = await ensureLocalCertificate({ folder }).catch((reason: unknown) => reason)
  assert(error instanceof LocalCaError)
  assert.equal(
    error.message.replaceAll(`${folder}/`, ''),
    'ca.key: is missing, but ca.crt is there; restore the key, or move the certificate away to get a new CA that clients have to trust anew',
  )
  assert.deepEqual((await readdir(folder)).toSorted(), ['ca.crt', 'dockgate.key'])
  await rm(first.caFile)
  await ensureLocalCertificate({ folder })
})
