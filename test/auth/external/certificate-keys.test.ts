import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { calculateJwkThumbprint, errors } from 'jose'
import { CertificateKeys } from '../../../src/auth/external/certificate-keys.ts'
import { libtrustId } from '../../../src/auth/external/libtrust-id.ts'
import { temporaryFolder, type Scope } from '../../support/scope.ts'

interface Issued {
  readonly pem: string
  readonly x5c: string
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

/** Certificates of a folder: self-signed, or signed by one made earlier. */
async function openssl(t: Scope) {
  const folder = await temporaryFolder(t)
  return async (
    name: string,
    { issuer, isCa = false, days = 1 }: { issuer?: string; isCa?: boolean; days?: number } = {},
  ): Promise<Issued> => {
    const [crt, key] = [join(folder, `${name}.crt`), join(folder, `${name}.key`)]
    const signer =
      issuer === undefined
        ? []
        : ['-CA', join(folder, `${issuer}.crt`), '-CAkey', join(folder, `${issuer}.key`)]
    const algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
    const subject = ['-subj', `/CN=${name}`, '-days', String(days)]
    const constraints = ['-addext', `basicConstraints=critical,CA:${isCa ? 'TRUE' : 'FALSE'}`]
    const files = ['-keyout', key, '-out', crt, ...signer]
    await promisify(execFile)('openssl', ['req', '-x509', ...algorithm, ...subject, ...constraints, ...files])
    const pem = await readFile(crt, 'utf8')
    const { raw, publicKey } = new X509Certificate(pem)
    return { pem, x5c: raw.toString('base64'), publicKey, privateKey: createPrivateKey(await readFile(key)) }
  }
}

async function keysOf(t: Scope, pem: string, now?: () => Date) {
  const file = join(await temporaryFolder(t), 'bundle.pem')
  await writeFile(file, pem)
  return { file, keys: await CertificateKeys.open(file, now) }
}

const refuses = (keys: CertificateKeys, header: { x5c?: string[]; kid?: string }) =>
  assert.rejects(keys.find({ alg: 'ES256', ...header }), errors.JOSEError)

test('a certificate of the file is found by its x5c, by either name of its key, and alone without any', async (t) => {
  const make = await openssl(t)
  const [one, two] = [await make('one'), await make('two')]
  const { keys } = await keysOf(t, one.pem + two.pem)
  const thumbprint = await calculateJwkThumbprint(two.publicKey)
  for (const header of [{ x5c: [two.x5c] }, { kid: libtrustId(two.publicKey) }, { kid: thumbprint }])
    assert.ok((await keys.find({ alg: 'ES256', ...header })).equals(two.publicKey))
  await refuses(keys, {})
  await refuses(keys, { kid: 'other' })
  const { keys: single } = await keysOf(t, one.pem)
  assert.ok((await single.find({ alg: 'ES256' })).equals(one.publicKey))
})

test('a chain counts when it leads to the file, whole and by certificates that may issue', async (t) => {
  const make = await openssl(t)
  const root = await make('root', { isCa: true })
  const middle = await make('middle', { issuer: 'root', isCa: true })
  const leaf = await make('leaf', { issuer: 'middle' })
  const below = await make('below', { issuer: 'leaf' })
  const stranger = await make('stranger', { isCa: true })
  const { keys } = await keysOf(t, root.pem)
  for (const x5c of [
    [leaf.x5c, middle.x5c],
    [leaf.x5c, middle.x5c, root.x5c],
  ])
    assert.ok((await keys.find({ alg: 'ES256', x5c })).equals(leaf.publicKey))
  await refuses(keys, { x5c: [leaf.x5c] })
  await refuses(keys, { x5c: [leaf.x5c, root.x5c] })
  await refuses(keys, { x5c: [below.x5c, leaf.x5c, middle.x5c] })
  await refuses(keys, { x5c: [stranger.x5c, root.x5c] })
  await refuses(keys, { x5c: [stranger.x5c] })
  await refuses(keys, { x5c: ['x'] })
  await refuses(keys, { x5c: [] })
  await refuses(keys, { x5c: Array.from({ length: 6 }, () => root.x5c) })
})

test('a certificate that has expired, or begins later, proves nothing', async (t) => {
  const make = await openssl(t)
  const [root, day] = [await make('root', { isCa: true, days: 10 }), 24 * 3600_000]
  const leaf = await make('leaf', { issuer: 'root', days: 2 })
  const { keys: later } = await keysOf(t, root.pem, () => new Date(Date.now() + 3 * day))
  await refuses(later, { x5c: [leaf.x5c] })
  assert.ok((await later.find({ alg: 'ES256', x5c: [root.x5c] })).equals(root.publicKey))
  const { keys: earlier } = await keysOf(t, root.pem, () => new Date(Date.now() - day))
  await refuses(earlier, { x5c: [leaf.x5c] })
  await refuses(earlier, { kid: libtrustId(root.publicKey) })
})

test('a reload takes over what the file holds, and keeps what was when that makes no sense', async (t) => {
  const make = await openssl(t)
  const [one, two] = [await make('one'), await make('two')]
  const { file, keys } = await keysOf(t, one.pem)
  await writeFile(file, 'garbage')
  await assert.rejects(keys.reload())
  await keys.find({ alg: 'ES256', x5c: [one.x5c] })
  await writeFile(file, two.pem)
  await keys.reload()
  await keys.find({ alg: 'ES256', x5c: [two.x5c] })
  await refuses(keys, { x5c: [one.x5c] })
})
