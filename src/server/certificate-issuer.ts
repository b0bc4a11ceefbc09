// Signs the certificates of the local CA. node-forge only issues here: everything is verified by node:crypto.
import { generateKeyPair, randomBytes } from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import forge from 'node-forge'

const HOUR_MS = 3600_000
const DAY_MS = 24 * HOUR_MS
const AUTHORITY_LIFE_MS = 3650 * DAY_MS
/** Clients refuse server certificates that live longer (CA/Browser Forum Baseline Requirements §6.3.2). */
const LEAF_LIFE_MS = 397 * DAY_MS
/** RFC 5280 appendix A.1: ub-common-name. */
const MAX_COMMON_NAME_LENGTH = 64
const GENERAL_NAME_DNS = 2
const GENERAL_NAME_IP = 7

/** A new RSA-2048 key as PKCS #8 PEM, made off the event loop. */
export async function newKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** A self-signed authority for `keyPem`, valid for ten years. */
export function issueAuthority(options: { name: string; keyPem: string; now: Date }): string {
  const key = forge.pki.privateKeyFromPem(options.keyPem)
  const certificate = newCertificate(key, options.now, AUTHORITY_LIFE_MS)
  certificate.setSubject(subject(options.name))
  certificate.setIssuer(subject(options.name))
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: true, pathLenConstraint: 0 },
    { name: 'keyUsage', critical: true, keyCertSign: true, cRLSign: true },
    { name: 'subjectKeyIdentifier' },
  ])
  certificate.sign(key, forge.md.sha256.create())
  return toPem(certificate)
}

/** A server certificate for host names and addresses, valid for 397 days. */
export function issueLeaf(options: {
  names: readonly string[]
  keyPem: string
  authority: { certificatePem: string; keyPem: string }
  now: Date
}): string {
  const { names, authority } = options
  const issuer = forge.pki.certificateFromPem(authority.certificatePem)
  const certificate = newCertificate(forge.pki.privateKeyFromPem(options.keyPem), options.now, LEAF_LIFE_MS)
  certificate.setSubject(subject(names.find((name) => isIP(name) === 0) ?? 'dockgate'))
  certificate.setIssuer(issuer.subject.attributes)
  certificate.setExtensions([
    { name: 'basicConstraints', critical: true, cA: false },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectAltName', altNames: names.map(toGeneralName) },
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: issuer.generateSubjectKeyIdentifier().getBytes() },
  ])
  certificate.sign(forge.pki.privateKeyFromPem(authority.keyPem), forge.md.sha256.create())
  return toPem(certificate)
}

function newCertificate(key: forge.pki.rsa.PrivateKey, now: Date, lifeMs: number): forge.pki.Certificate {
  const certificate = forge.pki.createCertificate()
  certificate.publicKey = forge.pki.setRsaPublicKey(key.n, key.e)
  certificate.serialNumber = newSerial()
  // An hour back: the clocks of clients are not exactly right.
  certificate.validity.notBefore = new Date(now.getTime() - HOUR_MS)
  certificate.validity.notAfter = new Date(certificate.validity.notBefore.getTime() + lifeMs)
  return certificate
}

function toPem(certificate: forge.pki.Certificate): string {
  return forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n')
}

/** Positive and in its shortest form (RFC 5280 §4.1.2.2): neither the sign bit nor a leading zero byte. */
function newSerial(): string {
  const bytes = randomBytes(16)
  bytes.writeUInt8((bytes.readUInt8() & 0x3f) | 0x40)
  return bytes.toString('hex')
}

function subject(commonName: string): forge.pki.CertificateField[] {
  return [{ name: 'commonName', value: commonName.slice(0, MAX_COMMON_NAME_LENGTH) }]
}

function toGeneralName(name: string): { type: number; ip: string } | { type: number; value: string } {
  return isIP(name) === 0 ? { type: GENERAL_NAME_DNS, value: name } : { type: GENERAL_NAME_IP, ip: name }
}
