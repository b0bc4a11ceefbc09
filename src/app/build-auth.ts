// Who is it, may they: password file, tokens and grants, out of the configuration.
import { createPolicy } from '../access/grants-policy.ts'
import type { Policy } from '../access/policy.ts'
import { ReplaceablePolicy } from '../access/replaceable-policy.ts'
import type { Authenticator } from '../auth/authenticator.ts'
import { createAuthenticator } from '../auth/create-authenticator.ts'
import { HtpasswdFile } from '../auth/htpasswd-file.ts'
import { TokenIssuer } from '../auth/token-issuer.ts'
import { loadTokenKey } from '../auth/token-key.ts'
import type { AuthConfig, Config } from '../config/config.ts'
import type { Logger } from '../telemetry/log.ts'

export interface Auth {
  readonly authenticator: Authenticator
  readonly policy: Policy
  readonly hasAccounts: boolean
  /** Undefined when the token service is off, or nobody could use it. */
  readonly tokens: { readonly issuer: TokenIssuer; readonly service: string } | undefined
  /** Takes over grants and groups of a new configuration. */
  replaceGrants(config: Config): void
  /** Reads the password file again. Rejects, and keeps what was, when it makes no sense. */
  reloadPasswords(): Promise<void>
}

/** What is opened is closed with `stack`. */
export async function buildAuth(config: Config, logger: Logger, stack: AsyncDisposableStack): Promise<Auth> {
  const passwords = await openPasswords(config.auth, logger)
  if (passwords) stack.defer(() => passwords.close())
  const policy = new ReplaceablePolicy(policyOf(config))
  const signing = passwords && (await signingOf(config.auth))
  const authenticator = createAuthenticator({ passwords, token: signing })
  stack.defer(() => authenticator.close())
  return {
    authenticator,
    policy,
    hasAccounts: passwords !== undefined,
    tokens: signing && {
      issuer: new TokenIssuer({ ...signing, accounts: passwords }),
      service: signing.service,
    },
    replaceGrants: (next) => policy.replace(policyOf(next)),
    reloadPasswords: async () => passwords?.reload(),
  }
}

function policyOf({ auth, access }: Config): Policy {
  return createPolicy({ groups: Object.fromEntries(auth.groups), grants: access })
}

async function openPasswords({ htpasswd }: AuthConfig, logger: Logger): Promise<HtpasswdFile | undefined> {
  if (!htpasswd) return undefined
  return HtpasswdFile.open({
    path: htpasswd.file,
    onLoad: ({ problems, entries }) => {
      logger.info({ file: htpasswd.file, accounts: entries.size }, 'password file read')
      for (const problem of problems)
        logger.warn({ file: htpasswd.file, ...problem }, 'password file: entry cannot be used')
    },
    onError: (error) =>
      logger.error(
        { file: htpasswd.file, err: error },
        'password file not taken over; the old one stays in force',
      ),
  })
}

async function signingOf({ token }: AuthConfig) {
  if (!token) return undefined
  const { issuer, service, ttlMs, keyFile } = token
  return { issuer, service, lifeSeconds: Math.floor(ttlMs / 1000), key: await loadTokenKey(keyFile) }
}
