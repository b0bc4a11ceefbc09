// The local certificate authority: HTTPS from the first start, before anybody has brought a certificate.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdir, readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'
import { join } from 'node:path'
import { issueAuthority, newAuthorityKey } from './authority-issuer.ts'
import { issueLeaf, newLeafKey } from './leaf-issuer.ts'
import { createFileOnce, replaceFile } from '../storage/file-once.ts'

const DAY_MS = 24 * 3600_000
const RENEW_BEFORE_MS = 30 * DAY_MS
/** A leaf that outlives its authority is worth nothing. */
const RENEW_AUTHORITY_BEFORE_MS = 398 * DAY_MS
const KEY_MODE = 0o600
const CERTIFICATE_MODE = 0o644

/** The files of the local CA cannot be used. The message is one line that names the file. */
export class LocalCaError extends Error {
  override readonly name = 'LocalCaError'
  readonly code = 'LOCAL_CA_INVALID'
}

export interface LocalCaOptions {
  /** Holds `ca.crt`, `ca.key`, `dockgate.crt` and `dockgate.key`; made when it does not exist. */
  readonly folder: string
  readonly now?: Date
  /** Host names and addresses besides those of this machine, such as the one of `publicUrl`; IPv6 with or without brackets. */
  readonly names?: readonly string[]
}

export interface LocalCertificate {
  /** PEM: the certificate, then the authority's. */
  readonly certificatePem: string
  readonly keyPem: string
  readonly notAfter: Date
  /** The file that clients have to trust. */
  readonly caFile: string
  readonly certificateFile: string
  readonly keyFile: string
}

/**
 * The certificate of this machine, signed by the authority in the same folder; what is missing is made. The certificate is
 * renewed when it ends within 30 days or does not cover a name or address of the machine any more; both keys stay.
 * Several processes may call it at once. Rejects with a {@link LocalCaError} when a file there is not usable.
 */
export async function ensureLocalCertificate(options: LocalCaOptions): Promise<LocalCertificate> {
  const { folder, now = new Date(), names = [] } = options
  const file = (name: string) => join(folder, name)
  await mkdir(folder, { recursive: true })
  const authority = await ensureAuthority(file('ca.key'), file('ca.crt'), now)
  const keyPem = await ensureKey(file('dockgate.key'), LEAF_KEYS)
  const wanted = [...new Set([...machineNames(), ...names.map((name) => name.replace(/^\[|\]$/g, ''))])]
  const current = await readCertificate(file('dockgate.crt'))
  const usable = current !== undefined && isUsable(current, { keyPem, authority, wanted, now })
  const leafPem = usable ? current.toString() : await issueLeaf({ names: wanted, keyPem, authority, now })
  const certificatePem = `${leafPem.trimEnd()}\n${authority.certificatePem.trimEnd()}\n`
  if (!usable) await replaceFile(file('dockgate.crt'), certificatePem, CERTIFICATE_MODE)
  return {
    certificatePem,
    keyPem,
    notAfter: new X509Certificate(leafPem).validToDate,
    caFile: file('ca.crt'),
    certificateFile: file('dockgate.crt'),
    keyFile: file('dockgate.key'),
  }
}

interface Authority {
  readonly certificatePem: string
  readonly keyPem: string
}

/** The key comes first and decides: whoever finds a key without its certificate makes one that fits. */
async function ensureAuthority(keyFile: string, certificateFile: string, now: Date): Promise<Authority> {
  await refuseLostKey(keyFile, certificateFile)
  const keyPem = await ensureKey(keyFile, AUTHORITY_KEYS)
  const found = await readCertificate(certificateFile)
  if (found !== undefined && !found.checkPrivateKey(createPrivateKey(keyPem)))
    throw new LocalCaError(
      `${certificateFile}: does not belong to ${keyFile}; restore the pair or move both away`,
    )
  if (found !== undefined && found.validToDate.getTime() - now.getTime() > RENEW_AUTHORITY_BEFORE_MS)
    return { certificatePem: found.toString(), keyPem }
  const issued = await issueAuthority({ name: `dockgate local CA (${hostname()})`, keyPem, now })
  if (found === undefined)
    return { certificatePem: await createFileOnce(certificateFile, issued, CERTIFICATE_MODE), keyPem }
  await replaceFile(certificateFile, issued, CERTIFICATE_MODE)
  return { certificatePem: issued, keyPem }
}

/** A new key would not fit the certificate that clients trust already. */
async function refuseLostKey(keyFile: string, certificateFile: string): Promise<void> {
  // In this order: of processes that start at once, the one that makes the certificate has made the key before.
  const isCertified = (await readIfThere(certificateFile)) !== undefined
  if (!isCertified || (await readIfThere(keyFile)) !== undefined) return
  throw new LocalCaError(
    `${keyFile}: is missing, but ${certificateFile} is there; restore the key, or move the certificate away to get a new CA that clients have to trust anew`,
  )
}

interface Keys {
  /** As node:crypto calls them. */
  readonly types: readonly string[]
  readonly described: string
  readonly make: () => Promise<string>
}

const AUTHORITY_KEYS: Keys = { types: ['rsa'], described: 'an RSA', make: newAuthorityKey }
/** Those of earlier versions were RSA keys. */
const LEAF_KEYS: Keys = { types: ['ec', 'rsa'], described: 'an elliptic or RSA', make: newLeafKey }

async function ensureKey(file: string, { types, described, make }: Keys): Promise<string> {
  const keyPem = (await readIfThere(file)) ?? (await createFileOnce(file, await make(), KEY_MODE))
  try {
    if (types.includes(createPrivateKey(keyPem).asymmetricKeyType ?? '')) return keyPem
  } catch {
    // Falls through to the one message for all that is no such key; the parser's own could show a part of it.
  }
  throw new LocalCaError(`${file}: is not ${described} private key in PEM form; move it away and start again`)
}

async function readCertificate(file: string): Promise<X509Certificate | undefined> {
  const pem = await readIfThere(file)
  try {
    return pem === undefined ? undefined : new X509Certificate(pem)
  } catch (cause) {
    throw new LocalCaError(`${file}: is not a certificate; move it away and start again`, { cause })
  }
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error'
    if (code === 'ENOENT') return undefined
    throw new LocalCaError(`${file}: cannot be read (${code})`, { cause })
  }
}

function isUsable(
  leaf: X509Certificate,
  {
    keyPem,
    authority,
    wanted,
    now,
  }: { keyPem: string; authority: Authority; wanted: readonly string[]; now: Date },
): boolean {
  const issuer = new X509Certificate(authority.certificatePem)
  return (
    leaf.validToDate.getTime() - now.getTime() > RENEW_BEFORE_MS &&
    leaf.checkPrivateKey(createPrivateKey(keyPem)) &&
    leaf.checkIssued(issuer) &&
    leaf.verify(issuer.publicKey) &&
    wanted.every((name) => (isIP(name) === 0 ? leaf.checkHost(name) : leaf.checkIP(name)) !== undefined)
  )
}

/** What clients may call this machine: its name, loopback, and the addresses of its interfaces. */
function machineNames(): string[] {
  const addresses = Object.values(networkInterfaces())
    .flatMap((interfaces) => interfaces ?? [])
    // Link-local addresses are meaningless without the name of an interface.
    .filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address))
    .map(({ address }) => address)
  const host = hostname().toLowerCase()
  const isHostName = /^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/.test(host)
  return ['localhost', ...(isHostName ? [host] : []), '127.0.0.1', '::1', ...addresses]
}
