// Which account a client certificate stands for.
import type { X509Certificate } from 'node:crypto'
import { foreignName } from '../foreign-names.ts'
import { subjectAltNames } from './subject-alt-names.ts'

export type CertificateUser = 'cn' | 'san-email' | 'san-uri' | 'san-dns'

export interface CertificateNaming {
  /** The part of the certificate that names the account. */
  readonly user: CertificateUser
  /** Put before it: `cert:`. Empty: the names are those of accounts here. */
  readonly prefix: string
}

const KINDS = { 'san-email': 'email', 'san-uri': 'URI', 'san-dns': 'DNS' } as const

/** Undefined when the certificate has no such name, several, or one that no account can have. */
export function certificateName(
  certificate: Pick<X509Certificate, 'subjectAltName' | 'toLegacyObject'>,
  { user, prefix }: CertificateNaming,
): string | undefined {
  const names =
    user === 'cn' ? commonNames(certificate) : subjectAltNames(certificate.subjectAltName ?? '', KINDS[user])
  const [name, ...others] = names
  if (name === undefined || others.length > 0) return undefined
  // Without a prefix a name must not pass for somebody from elsewhere, nor for a special word.
  if (prefix === '' && /^[$@]|:/.test(name)) return undefined
  return foreignName(prefix, name)
}

function commonNames(certificate: Pick<X509Certificate, 'toLegacyObject'>): string[] {
  // A subject with several common names has a list here, whatever the types say; one without a subject has none.
  const subject: { CN?: unknown } | undefined = certificate.toLegacyObject().subject
  const names: unknown[] = [subject?.CN].flat()
  return names.filter((name) => typeof name === 'string')
}
