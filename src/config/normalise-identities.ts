// From the words of the file about identities from elsewhere to what the program uses.
import type { AuthConfig, LdapConfig, OidcRuleConfig } from './auth-config.ts'
import type { ClientCasConfig } from './config.ts'
import type { ConfigFile } from './schema.ts'

type Absolute = (path: string) => string
type Listener = ConfigFile['listen'][number]

export function toOidcRule(
  { ca, jwksFile, ...rule }: ConfigFile['auth']['oidc'][number],
  absolute: Absolute,
): OidcRuleConfig {
  return {
    ...rule,
    ...(jwksFile === undefined ? {} : { jwksFile: absolute(jwksFile) }),
    ...(ca === undefined ? {} : { caFile: absolute(ca) }),
  }
}

/** `password` is that of `bindPasswordFile`. */
export function toLdap(
  ldap: NonNullable<ConfigFile['auth']['ldap']>,
  password: string | undefined,
  absolute: Absolute,
): LdapConfig {
  const { url, startTls, insecure, ca, bindDn, bindPassword = password, cacheTtl, timeout, ...rest } = ldap
  return {
    url,
    startTls: url.startsWith('ldap:') && (startTls ?? !insecure),
    caFile: ca === undefined ? undefined : absolute(ca),
    account:
      bindDn === undefined || bindPassword === undefined ? undefined : { dn: bindDn, password: bindPassword },
    base: rest.base,
    filter: rest.filter,
    userAttribute: rest.userAttribute,
    groups: rest.groups,
    cacheTtlMs: cacheTtl,
    poolSize: rest.poolSize,
    timeoutMs: timeout,
  }
}

export function toClientCas(
  { tls, clientCas, requireClientCertificate }: Listener,
  absolute: Absolute,
): ClientCasConfig | undefined {
  const files = clientCas ?? (typeof tls === 'object' ? tls.clientCas : undefined)
  return files && { files: files.map(absolute), isRequired: requireClientCertificate }
}

/** Undefined where no listener asks for certificates. */
export function toClientCertificates({ auth, listen }: ConfigFile): AuthConfig['clientCertificates'] {
  const isAsked = listen.some((listener) => toClientCas(listener, (path) => path) !== undefined)
  return isAsked ? (auth.clientCertificates ?? { user: 'cn', prefix: 'cert:' }) : undefined
}
