import assert from 'node:assert/strict'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensureLocalCertificate } from '../../src/server/local-ca.ts'
import { loadTlsFiles, TlsFileError } from '../../src/server/tls-files.ts'
import { makeCertificate } from '../support/certificates.ts'
import { temporaryFolder } from '../support/scope.ts'

const YEAR_MS = 365 * 24 * 3600_000

async function refusal(certificateFile: string, keyFile: string): Promise<string> {
  try {
    await loadTlsFiles({ certificateFile, keyFile })
    return 'no error'
  } catch (error) {
    assert(error instanceof TlsFileError)
    assert.equal(error.message, `${error.file}: ${error.reason}`)
    return error.message
  }
}

test('a certificate and its key are loaded as they are, with what clients will see', async (t) => {
  const { certificate, key, ca } = await makeCertificate(t)
  const loaded = await loadTlsFiles({ certificateFile: certificate, keyFile: key })
  assert.equal(loaded.cert, ca)
  assert.equal(loaded.key, await readFile(key, 'utf8'))
  assert.match(loaded.subjectAltName, /DNS:localhost/)
  assert(loaded.notAfter > new Date())
  assert.deepEqual(loaded.warnings, [])
})

test('a certificate that has expired is loaded with a warning', async (t) => {
  const { certificate, key } = await makeCertificate(t)
  const files = { certificateFile: certificate, keyFile: key }
  const { notAfter } = await loadTlsFiles(files)
  const { warnings } = await loadTlsFiles(files, { now: new Date(Date.now() + YEAR_MS) })
  assert.deepEqual(warnings, [`${certificate}: expired on ${notAfter.toISOString()}`])
  const early = await loadTlsFiles(files, { now: new Date(Date.now() - YEAR_MS) })
  assert.match(early.warnings.join(), /is not valid before/)
})

test('a chain is taken in order, and warned about in any other', async (t) => {
  const folder = await temporaryFolder(t)
  const { certificateFile, keyFile, caFile } = await ensureLocalCertificate({ folder })
  assert.deepEqual((await loadTlsFiles({ certificateFile, keyFile })).warnings, [])
  const stranger = await makeCertificate(t)
  const mixed = join(folder, 'mixed.crt')
  await writeFile(
    mixed,
    [await readFile(certificateFile, 'utf8'), stranger.ca, await readFile(caFile, 'utf8')].join('\n'),
  )
  assert.deepEqual((await loadTlsFiles({ certificateFile: mixed, keyFile })).warnings, [
    `${mixed}: the certificates behind the first one are not its issuers in order`,
  ])
})

test('what cannot be used is refused in one line that names the file and shows nothing of it', async (t) => {
  const folder = await temporaryFolder(t)
  const { certificate, key } = await makeCertificate(t)
  const other = await makeCertificate(t)
  const file = async (name: string, text: string) => {
    await writeFile(join(folder, name), text)
    return join(folder, name)
  }
  const missing = join(folder, 'missing')
  assert.equal(await refusal(missing, key), `${missing}: cannot be read (ENOENT)`)
  assert.equal(await refusal(folder, key), `${folder}: cannot be read (EISDIR)`)
  assert.equal(
    await refusal(certificate, other.key),
    `${other.key}: is not the key of the first certificate in ${certificate}`,
  )
  assert.equal(await refusal(key, key), `${key}: holds no PEM certificate ("-----BEGIN CERTIFICATE-----")`)
  assert.equal(await refusal(certificate, certificate), `${certificate}: holds no private key in PEM form`)
  const broken = await file('broken.crt', '-----BEGIN CERTIFICATE-----\nsesame\n-----END CERTIFICATE-----\n')
  assert.equal(await refusal(broken, key), `${broken}: holds a certificate that cannot be parsed`)
  const locked = await file('locked.key', '-----BEGIN ENCRYPTED PRIVATE KEY-----\nsesame\n')
  assert.equal(
    await refusal(certificate, locked),
    `${locked}: is protected by a passphrase; store the key without one`,
  )
})
