// What proves an upstream to us and us to it, from files that are replaced while the gateway runs.
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { secretFile } from './login/secret-file.ts'

/** PEM texts. */
export interface TlsMaterial {
  /** The authorities that sign the upstream's certificate, in place of the system's. */
  readonly ca?: string
  /** Our own certificate, with those that lead to its authority, and its key. */
  readonly cert?: string
  readonly key?: string
}

/** The same object until something has changed. */
export type TlsSource = () => Promise<TlsMaterial>

const NOTHING: TlsMaterial = {}

/** The system's authorities, and no certificate of ours. */
export const SYSTEM_TRUST: TlsSource = async () => NOTHING

export interface TlsFiles {
  readonly caFile?: string | undefined
  readonly certificateFile?: string | undefined
  readonly keyFile?: string | undefined
}

/** The system's bundle of authorities is some 200 KB. */
const MAX_PEM_BYTES = 4 * 1024 * 1024

/** Reads the files anew when they change. A certificate whose key has not yet followed is not taken over. */
export function tlsFiles({ caFile, certificateFile, keyFile }: TlsFiles): TlsSource {
  const files = [caFile, certificateFile, keyFile].map((path) => path && secretFile(path, MAX_PEM_BYTES))
  let known: { readonly texts: string; readonly material: TlsMaterial } | undefined
  return async () => {
    const [ca, cert, key] = await Promise.all(files.map(async (file) => file && file.current()))
    const texts = JSON.stringify([ca, cert, key])
    if (known && (known.texts === texts || !isPair(cert, key))) return known.material
    const material = { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) }
    known = { texts, material }
    return material
  }
}

/** What two sources say, as one. */
export function joinedTls(trust: TlsSource, identity: TlsSource | undefined): TlsSource {
  if (!identity) return trust
  let known: { readonly parts: readonly TlsMaterial[]; readonly material: TlsMaterial } | undefined
  return async () => {
    const parts = await Promise.all([trust(), identity()])
    if (known?.parts.every((part, index) => part === parts[index])) return known.material
    known = { parts, material: { ...parts[0], ...parts[1] } }
    return known.material
  }
}

function isPair(cert: string | undefined, key: string | undefined): boolean {
  if (cert === undefined || key === undefined) return true
  try {
    return new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))
  } catch {
    return false
  }
}
