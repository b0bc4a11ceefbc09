// Whose signature counts, by a file of certificates: registry:2's `rootcertbundle`.
import { X509Certificate, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { calculateJwkThumbprint, errors, type JWTHeaderParameters } from 'jose'
import { parseCertificates } from '../parse-certificates.ts'
import { libtrustId } from './libtrust-id.ts'

/** Certificates of one token. */
const MAX_CHAIN = 5

/** The file can not be read, or holds no certificate. */
export class CertificateKeysError extends Error {
  override readonly name = 'CertificateKeysError'
  readonly code = 'CERTIFICATE_KEYS_UNUSABLE'
}

interface Trusted {
  readonly certificates: readonly X509Certificate[]
  /** By the names that `kid` may call a certificate's key by. */
  readonly byKid: ReadonlyMap<string, X509Certificate>
}

/** A key is trusted when its certificate is in the file, or was issued by one that is, through the `x5c` of the token. */
export class CertificateKeys {
  readonly #path: string
  readonly #now: () => Date
  #trusted: Trusted

  private constructor(path: string, trusted: Trusted, now: () => Date) {
    this.#path = path
    this.#trusted = trusted
    this.#now = now
  }

  /** Rejects with {@link CertificateKeysError}. */
  static async open(path: string, now: () => Date = () => new Date()): Promise<CertificateKeys> {
    return new CertificateKeys(path, await readTrusted(path), now)
  }

  /** Reads the file again. Rejects, and keeps what was, when it makes no sense. */
  async reload(): Promise<void> {
    this.#trusted = await readTrusted(this.#path)
  }

  /** The key that a token's header names. Rejects with a {@link errors.JOSEError} when it is not trusted. */
  readonly find = async ({ x5c, kid }: JWTHeaderParameters): Promise<KeyObject> => {
    const certificate = x5c === undefined ? this.#named(kid) : this.#proved(x5c)
    if (!certificate || !isCurrent(certificate, this.#now()))
      throw new errors.JWKSNoMatchingKey('no trusted certificate speaks for the token')
    return certificate.publicKey
  }

  #named(kid: string | undefined): X509Certificate | undefined {
    const { certificates, byKid } = this.#trusted
    if (kid !== undefined) return byKid.get(kid)
    return certificates.length === 1 ? certificates[0] : undefined
  }

  /** The first certificate of the chain, if the chain leads to the file. */
  #proved(x5c: readonly string[]): X509Certificate | undefined {
    if (!Array.isArray(x5c) || x5c.length === 0 || x5c.length > MAX_CHAIN) return undefined
    const chain = x5c.map(parseOne)
    for (const [index, certificate] of chain.entries()) {
      if (!certificate || !isCurrent(certificate, this.#now())) return undefined
      if (this.#isTrusted(certificate)) return chain[0]
      const issuer = chain[index + 1]
      if (!issuer || !isIssuedBy(certificate, issuer)) return undefined
    }
    return undefined
  }

  #isTrusted(certificate: X509Certificate): boolean {
    return this.#trusted.certificates.some(
      (trusted) =>
        trusted.raw.equals(certificate.raw) ||
        (isCurrent(trusted, this.#now()) && isIssuedBy(certificate, trusted)),
    )
  }
}

async function readCertificates(path: string): Promise<X509Certificate[]> {
  try {
    const certificates = parseCertificates(await readFile(path, 'utf8'))
    if (certificates.length > 0) return certificates
    throw new TypeError('it holds no certificate')
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : 'unknown reason'
    throw new CertificateKeysError(`the certificates ${path} can not be used: ${why}`, { cause })
  }
}

async function readTrusted(path: string): Promise<Trusted> {
  const certificates = await readCertificates(path)
  const entries = await Promise.all(
    certificates.map(async (certificate) => {
      const { publicKey } = certificate
      const ids = [libtrustId(publicKey), await calculateJwkThumbprint(publicKey)]
      return ids.map((id): [string, X509Certificate] => [id, certificate])
    }),
  )
  return { certificates, byKid: new Map(entries.flat()) }
}

function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)
}

function isCurrent({ validFromDate, validToDate }: X509Certificate, now: Date): boolean {
  return validFromDate <= now && now <= validToDate
}

function parseOne(der: string): X509Certificate | undefined {
  try {
    return new X509Certificate(Buffer.from(der, 'base64'))
  } catch {
    return undefined
  }
}
