// Certificates that the operator brings: read, checked and explained before a listener takes them.
import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/** A certificate or key file cannot be used. The message is one line that names the file. */
export class TlsFileError extends Error {
  override readonly name = 'TlsFileError'
  readonly code = 'TLS_FILE_INVALID'
  readonly file: string
  /** The message without the file. */
  readonly reason: string
  constructor(file: string, reason: string, options?: { cause?: unknown }) {
    super(`${file}: ${reason}`, options)
    this.file = file
    this.reason = reason
  }
}

export interface TlsFiles {
  readonly certificateFile: string
  readonly keyFile: string
}

/** What a TLS listener needs, and what there is to say about it. */
export interface LoadedTls {
  /** PEM: the certificate, then those of the authorities that lead to a root. */
  readonly cert: string
  /** PEM. */
  readonly key: string
  readonly notAfter: Date
  /** Host names and addresses, as `DNS:…, IP Address:…`; empty when the certificate has none. */
  readonly subjectAltName: string
  /** One line each for what clients will complain about. */
  readonly warnings: readonly string[]
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g

/** Reads both files. Rejects with a {@link TlsFileError} unless they parse and belong together. */
export async function loadTlsFiles(
  { certificateFile, keyFile }: TlsFiles,
  { now = new Date() }: { now?: Date } = {},
): Promise<LoadedTls> {
  const [cert, key] = await Promise.all([readPem(certificateFile), readPem(keyFile)])
  const [leaf, ...chain] = parseCertificates(cert, certificateFile)
  if (!leaf.checkPrivateKey(parseKey(key, keyFile)))
    throw new TlsFileError(keyFile, `is not the key of the first certificate in ${certificateFile}`)
  return {
    cert,
    key,
    notAfter: leaf.validToDate,
    subjectAltName: leaf.subjectAltName ?? '',
    warnings: findWarnings(leaf, chain, now).map((warning) => `${certificateFile}: ${warning}`),
  }
}

async function readPem(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
    throw new TlsFileError(file, `cannot be read (${code})`, { cause })
  }
}

function parseCertificates(pem: string, file: string): [X509Certificate, ...X509Certificate[]] {
  const blocks = pem.match(PEM_CERTIFICATE) ?? []
  try {
    const [leaf, ...chain] = blocks.map((block) => new X509Certificate(block))
    if (leaf !== undefined) return [leaf, ...chain]
  } catch (cause) {
    throw new TlsFileError(file, 'holds a certificate that cannot be parsed', { cause })
  }
  throw new TlsFileError(file, 'holds no PEM certificate ("-----BEGIN CERTIFICATE-----")')
}

function parseKey(pem: string, file: string): KeyObject {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem))
    throw new TlsFileError(file, 'is protected by a passphrase; store the key without one')
  try {
    return createPrivateKey(pem)
  } catch {
    // The parser's error says nothing more, and what it was given is secret.
    throw new TlsFileError(file, 'holds no private key in PEM form')
  }
}

function findWarnings(leaf: X509Certificate, chain: readonly X509Certificate[], now: Date): string[] {
  const warnings: string[] = []
  if (leaf.validToDate <= now) warnings.push(`expired on ${leaf.validToDate.toISOString()}`)
  if (leaf.validFromDate > now) warnings.push(`is not valid before ${leaf.validFromDate.toISOString()}`)
  if (leaf.subjectAltName === undefined) warnings.push('names no host in subjectAltName: clients refuse it')
  const path = [leaf, ...chain]
  if (!chain.every((issuer, index) => path[index]?.checkIssued(issuer)))
    warnings.push('the certificates behind the first one are not its issuers in order')
  return warnings
}
