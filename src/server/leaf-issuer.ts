// Signs this machine's own certificate with the local CA. Its key is an elliptic one: a handshake costs a fraction of RSA's.
import { createPrivateKey, createPublicKey, generateKeyPair, webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import { promisify } from 'node:util'
import { newSerial } from './serial-number.ts'

const HOUR_MS = 3600_000
/** Clients refuse server certificates that live longer (CA/Browser Forum Baseline Requirements §6.3.2). */
const LIFE_MS = 397 * 24 * HOUR_MS
/** RFC 5280 appendix A.1: ub-common-name. */
const MAX_COMMON_NAME_LENGTH = 64
/** RFC 5280 §4.2.1.12: id-kp-serverAuth. */
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'
const SIGNING = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }

export interface LeafOptions {
  /** Host names and addresses. */
  readonly names: readonly string[]
  /** Of the certificate: RSA or elliptic. */
  readonly keyPem: string
  /** Its key is an RSA one. */
  readonly authority: { readonly certificatePem: string; readonly keyPem: string }
  readonly now: Date
}

/** A new P-256 key as PKCS #8 PEM. */
export async function newLeafKey(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

/** A server certificate as PEM, valid for 397 days. */
export async function issueLeaf({ names, keyPem, authority, now }: LeafOptions): Promise<string> {
  // Needed once a year, and large.
  await import('reflect-metadata')
  const x509 = await import('@peculiar/x509')
  const key = createPublicKey(keyPem)
  const publicKey = new x509.PublicKey(key.export({ type: 'spki', format: 'der' }))
  const issuer = new x509.X509Certificate(authority.certificatePem)
  const { digitalSignature, keyEncipherment } = x509.KeyUsageFlags
  const uses = key.asymmetricKeyType === 'rsa' ? digitalSignature | keyEncipherment : digitalSignature
  const commonName = names.find((name) => isIP(name) === 0) ?? 'dockgate'
  // An hour back: the clocks of clients are not exactly right.
  const notBefore = new Date(now.getTime() - HOUR_MS)
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: newSerial(),
      subject: [{ CN: [commonName.slice(0, MAX_COMMON_NAME_LENGTH)] }],
      // The name as the authority wrote it: Go compares its bytes.
      issuer: issuer.subjectName,
      notBefore,
      notAfter: new Date(notBefore.getTime() + LIFE_MS),
      publicKey,
      signingKey: await signingKeyOf(authority.keyPem),
      signingAlgorithm: SIGNING,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(uses, true),
        new x509.ExtendedKeyUsageExtension([SERVER_AUTH]),
        new x509.SubjectAlternativeNameExtension(
          names.map((value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value })),
        ),
        await x509.SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
        await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  )
  return `${certificate.toString('pem')}\n`
}

function signingKeyOf(keyPem: string): Promise<webcrypto.CryptoKey> {
  const der = createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'der' })
  return webcrypto.subtle.importKey('pkcs8', der, SIGNING, false, ['sign'])
}
