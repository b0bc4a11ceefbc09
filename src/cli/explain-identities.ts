// Logins from elsewhere in a few lines: which issuers, which directory, whose certificates, which token servers.
import type { AuthConfig } from '../config/auth-config.ts'
import type { ClientCasConfig } from '../config/config.ts'
import { nearby } from './nearby.ts'

/** One line for each way to be known; passwords never shown. */
export function explainIdentities({ oidc, ldap, clientCertificates, externalTokens }: AuthConfig): string[] {
  const issuers = [...new Set(oidc.map(({ issuer }) => issuer))]
  return [
    ...issuers.map((issuer) => `ID tokens of ${issuer} as oidc:…`),
    ...(ldap
      ? [`accounts of ${ldap.url} as ldap:…${isOpen(ldap) ? '; their passwords travel in the clear' : ''}`]
      : []),
    ...(clientCertificates
      ? [`client certificates by ${clientCertificates.user} as ${clientCertificates.prefix}…`]
      : []),
    ...externalTokens.map(({ issuer, source }) => `tokens of ${issuer} as ${source}:…`),
  ]
}

/** What a listener asks clients for; empty when it asks for nothing. */
export function explainClientCas(clientCas: ClientCasConfig | undefined): string {
  if (!clientCas) return ''
  const signers = clientCas.files.map(nearby).join(', ')
  return clientCas.isRequired
    ? `; clients need a certificate of ${signers}`
    : `; clients may show a certificate of ${signers}`
}

function isOpen({ url, startTls }: NonNullable<AuthConfig['ldap']>): boolean {
  return url.startsWith('ldap:') && !startTls
}
