// The certificate of the key that signs tokens: registry:2 and its like trust keys by certificates (`rootcertbundle`).
import { randomBytes, webcrypto } from 'node:crypto'
import { readOrMake } from '../../storage/file-once.ts'
import { parseCertificates } from '../parse-certificates.ts'
import { TokenKeyError, type TokenKey } from '../token-key.ts'

const DAY_MS = 24 * 3600_000
const LIFE_DAYS = 10 * 365
const MAX_CERTIFICATES = 5
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

/**
 * The certificates of a PEM file, the key's own first, as `x5c` wants them: DER in base64. A file that is not there is made,
 * with a certificate that the key signs for itself. Rejects with {@link TokenKeyError}, also for another key's certificate.
 */
export async function loadTokenCertificates(path: string, key: TokenKey): Promise<readonly string[]> {
  try {
    return parseChain(await readOrMake(path, 0o644, () => createCertificate(key)), key)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown reason'
    throw new TokenKeyError(`the certificate ${path} of the token key can not be used: ${why}`, { cause })
  }
}

function parseChain(pem: string, { publicKey }: TokenKey): readonly string[] {
  const chain = parseCertificates(pem)
  const [own] = chain
  if (!own) throw new TypeError('it holds no certificate')
  if (chain.length > MAX_CERTIFICATES)
    throw new TypeError(`it holds more than ${MAX_CERTIFICATES} certificates`)
  if (!own.publicKey.equals(publicKey))
    throw new TypeError("its first certificate is not the token key's; remove the file to have it made anew")
  return chain.map(({ raw }) => raw.toString('base64'))
}

/** Good for ten years: whoever verifies tokens has it in a file of its own. */
async function createCertificate({ privateKey, publicKey, kid }: TokenKey): Promise<string> {
  // Needed once in the life of a key, and large.
  await import('reflect-metadata')
  const { BasicConstraintsExtension, KeyUsageFlags, KeyUsagesExtension, X509CertificateGenerator } =
    await import('@peculiar/x509')
  const keys = {
    privateKey: await imported('pkcs8', privateKey.export({ type: 'pkcs8', format: 'der' }), 'sign'),
    publicKey: await imported('spki', publicKey.export({ type: 'spki', format: 'der' }), 'verify'),
  }
  const now = Date.now()
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      // The first bit is no sign (RFC 5280 §4.1.2.2).
      serialNumber: `01${randomBytes(15).toString('hex')}`,
      name: `CN=dockgate tokens ${kid.slice(0, 16)}`,
      notBefore: new Date(now - DAY_MS),
      notAfter: new Date(now + LIFE_DAYS * DAY_MS),
      signingAlgorithm: ALGORITHM,
      keys,
      extensions: [
        new BasicConstraintsExtension(false, undefined, true),
        new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      ],
    },
    webcrypto,
  )
  return `${certificate.toString('pem')}\n`
}

function imported(format: 'pkcs8' | 'spki', der: Buffer, usage: 'sign' | 'verify') {
  return webcrypto.subtle.importKey(format, der, ALGORITHM, format === 'spki', [usage])
}
