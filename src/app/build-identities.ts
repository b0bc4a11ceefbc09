// Who is known from elsewhere: ID tokens, a directory and client certificates, out of the configuration.
import { readFile } from 'node:fs/promises'
import { ClientCertificates } from '../auth/certificates/client-certificates.ts'
import type { LdapBackend, LdapBackendOptions } from '../auth/ldap/ldap-backend.ts'
import type { LoginBackend } from '../auth/login-backend.ts'
import { OidcBackend } from '../auth/oidc/oidc-backend.ts'
import type { Config, GrantConfig } from '../config/config.ts'
import type { Logger } from '../telemetry/log.ts'

export interface Identities {
  /** Asked before the password files. */
  readonly oidc: LoginBackend
  /** Asked behind them; undefined without a directory. */
  readonly ldap: LoginBackend | undefined
  /** Undefined where no listener asks for certificates. */
  readonly certificates: ClientCertificates | undefined
  /** Whether anybody can be known from elsewhere. */
  readonly hasAccounts: boolean
  /** Takes over the rules about ID tokens, and which groups are named by grants. */
  replace(config: Config): void
}

/** What is opened is closed with `stack`. */
export async function buildIdentities(
  config: Config,
  logger: Logger,
  stack: AsyncDisposableStack,
): Promise<Identities> {
  const { oidc: rules, ldap: directory, clientCertificates } = config.auth
  let groups = groupsOf(config.access)
  const keepsGroup = (group: string): boolean => groups.has(group)
  const onDown = (what: string) => (err: Error) =>
    logger.warn({ err }, `${what} can not be asked: its accounts can not log in`)
  const oidc = new OidcBackend({ rules, keepsGroup, onDown: onDown('an issuer of ID tokens') })
  const ldap = directory && {
    ...directory,
    ca: directory.caFile === undefined ? undefined : await readFile(directory.caFile, 'utf8'),
    keepsGroup,
    onDown: onDown('the directory'),
    onUp: () => logger.info('the directory can be asked again'),
  }
  const ldapBackend = ldap && (await openLdap(ldap))
  if (ldapBackend) stack.defer(() => ldapBackend.close())
  return {
    oidc,
    ldap: ldapBackend,
    certificates: clientCertificates && new ClientCertificates(clientCertificates),
    hasAccounts: rules.length > 0 || directory !== undefined || clientCertificates !== undefined,
    replace(next) {
      groups = groupsOf(next.access)
      oidc.replaceRules(next.auth.oidc)
    },
  }
}

/** Groups from elsewhere that grants name; with a colon, as `ldap:ops`. */
function groupsOf(access: readonly GrantConfig[]): ReadonlySet<string> {
  const principals = access.flatMap((grant) =>
    [grant.pull, grant.push, grant.delete, grant.catalog, grant.admin].flat(),
  )
  return new Set(principals.filter((each) => each.startsWith('@')).map((each) => each.slice(1)))
}

/** The client of a directory is large: only who has one loads it. */
async function openLdap(options: LdapBackendOptions): Promise<LdapBackend> {
  const { LdapBackend } = await import('../auth/ldap/ldap-backend.ts')
  return new LdapBackend(options)
}
