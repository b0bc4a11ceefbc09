// Who is it, may they: password file, tokens and grants, out of the configuration.
import type { IncomingMessage } from 'node:http'
import type { Identity } from '../access/identity.ts'
import type { Policy } from '../access/policy.ts'
import { ReplaceablePolicy } from '../access/replaceable-policy.ts'
import type { Authenticator } from '../auth/authenticator.ts'
import { createAuthenticator } from '../auth/create-authenticator.ts'
import type { LenientHosts } from '../auth/lenient-hosts.ts'
import type { LoginThrottleOptions } from '../auth/login-throttle.ts'
import type { LoginBackend } from '../auth/login-backend.ts'
import type { Place } from '../auth/realm.ts'
import { sharedLoginAttempts } from '../auth/shared-login-attempts.ts'
import { Realms } from '../auth/realms.ts'
import type { Peers } from '../cache/peers.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../telemetry/log.ts'
import { buildAccounts, type AccountTokens } from './build-accounts.ts'
import { buildIdentities } from './build-identities.ts'
import { buildPasswords } from './build-passwords.ts'
import { buildPolicy } from './build-policy.ts'
import { buildTokenService, lenientHostsOf, openExternalTokens, type TokenService } from './build-tokens.ts'
import type { TokenKeyFiles } from './token-key-files.ts'

export interface Auth {
  readonly authenticator: Authenticator
  readonly policy: Policy
  readonly hasAccounts: boolean
  /** How failed logins are slowed down, counted over all processes; undefined: not at all. */
  readonly throttle: LoginThrottleOptions | undefined
  /** What a Basic challenge calls the accounts that there are. */
  readonly realmAt: (place: Place) => string
  /** Undefined where nobody can log in. */
  readonly accountTokens: AccountTokens | undefined
  /** Whose certificate a request's connection was opened with; for requests that bring no `Authorization`. */
  readonly certificateOf: ((req: IncomingMessage) => Identity | undefined) | undefined
  /** Undefined when the token service is off, or nobody could use it. */
  readonly tokens: TokenService | undefined
  readonly lenientHosts: LenientHosts | undefined
  /** Files of certificates of token servers elsewhere, to be watched; password files watch themselves. */
  readonly files: readonly string[]
  /** Takes over grants, groups and rules about ID tokens of a new configuration. */
  replaceGrants(config: Config): void
  /** Reads the password files again. Rejects, and keeps what was, when one makes no sense. */
  reloadPasswords(): Promise<void>
  /** Reads the certificates of token servers elsewhere again. Rejects, and keeps what was, when they make no sense. */
  reloadExternalTokens(): Promise<void>
}

export interface BuildAuthOptions {
  readonly keyFiles: TokenKeyFiles
  readonly logger: Logger
  readonly peers: Peers
}

/** What is opened is closed with `stack`. */
export async function buildAuth(
  config: Config,
  { keyFiles, logger, peers }: BuildAuthOptions,
  stack: AsyncDisposableStack,
): Promise<Auth> {
  const { workers } = config
  const passwords = await buildPasswords(config.auth.htpasswd, { logger, peers, workers }, stack)
  const policy = new ReplaceablePolicy(buildPolicy(config))
  const identities = await buildIdentities(config, logger, stack)
  const { oidc, ldap, certificates } = identities
  const external = await openExternalTokens(config)
  const hasBackends =
    passwords.backends.length > 0 || identities.hasAccounts || config.auth.accounts.isConfigured
  const hasAccounts = hasBackends || external.verifiers.length > 0
  const { token, throttle } = config.auth
  const keys = hasAccounts ? await keyFiles.open() : undefined
  const lenientHosts = lenientHostsOf(config)
  const accountTokens = hasBackends
    ? await buildAccounts(config.auth.accounts, { owners: passwords.backends, logger, peers }, stack)
    : undefined
  const backends: LoginBackend[] = accountTokens
    ? [
        // Told by their form: nobody else needs to be asked about them.
        accountTokens.backend,
        oidc,
        ...passwords.backends,
        ...(ldap ? [ldap] : []),
        ...(certificates ? [certificates] : []),
      ]
    : []
  const realms = new Realms(backends)
  const attempts = throttle && (await sharedLoginAttempts(peers, throttle))
  return {
    realmAt: (place) => realms.nameAt(place),
    throttle: throttle && { ...throttle, attempts },
    authenticator: createAuthenticator({
      backends,
      token: token && keys && { keys, ...token },
      throttle: throttle && { ...throttle, attempts },
      lenientHosts,
      externalTokens: external.verifiers,
    }),
    policy,
    hasAccounts,
    accountTokens,
    certificateOf: certificates && ((req) => certificates.identify(req)),
    tokens: token && keys && buildTokenService(token, keys, backends, accountTokens?.store),
    lenientHosts,
    files: external.files,
    reloadExternalTokens: () => external.reload(),
    replaceGrants: (next) => {
      policy.replace(buildPolicy(next))
      identities.replace(next)
    },
    reloadPasswords: () => passwords.reload(),
  }
}
