// Makes the local CA itself. node-forge only issues here: everything is verified by node:crypto.
import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { newSerial } from './serial-number.ts'

const HOUR_MS = 3600_000
const LIFE_MS = 3650 * 24 * HOUR_MS
/** RFC 5280 appendix A.1: ub-common-name. */
const MAX_COMMON_NAME_LENGTH = 64

/** A new RSA-2048 key as PKCS #8 PEM, made off the event loop. */
export async function newAuthorityKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** A self-signed authority for `keyPem`, valid for ten years. */
export async function issueAuthority(options: { name: string; keyPem: string; now: Date }): Promise<string> {
  // Needed once in ten years, and large.
  const { default: forge } = await import('node-forge')
  const key = forge.pki.privateKeyFromPem(options.keyPem)
  const certificate = forge.pki.createCertificate()
  const name = [{ name: 'commonName', value: options.name.slice(0, MAX_COMMON_NAME_LENGTH) }]
  certificate.publicKey = forge.pki.setRsaPublicKey(key.n, key.e)
  certificate.serialNumber = newSerial()
  // An hour back: the clocks of clients are not exactly right.
  certificate.validity.notBefore = new Date(options.now.getTime() - HOUR_MS)
  certificate.validity.notAfter = new Date(certificate.validity.notBefore.getTime() + LIFE_MS)
  certificate.setSubject(name)
  certificate.setIssuer(name)
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    { name: 'subjectKeyIdentifier' },
  ])
  certificate.sign(key, forge.md.sha256.create())
  return forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n')
}
