// Password files out of the configuration: each is watched, and is a login backend with a realm of its own.
import { HashUpgrade } from '../auth/hash-upgrade.ts'
import { HtpasswdBackend } from '../auth/htpasswd-backend.ts'
import { HtpasswdError, HtpasswdFile } from '../auth/htpasswd-file.ts'
import { PasswordVerifier } from '../auth/password-verifier.ts'
import { Realm } from '../auth/realm.ts'
import type { Peers } from '../cache/peers.ts'
import type { HtpasswdConfig } from '../config/auth-config.ts'
import type { Logger } from '../telemetry/log.ts'

export interface PasswordLogins {
  readonly backends: readonly HtpasswdBackend[]
  /** Reads every file again. Rejects when one makes no sense: that one stays what it was. */
  reload(): Promise<void>
}

export interface BuildPasswordsOptions {
  readonly logger: Logger
  readonly peers: Peers
}

/** What is opened is closed with `stack`. Rejects with {@link HtpasswdError}. */
export async function buildPasswords(
  configs: readonly HtpasswdConfig[],
  { logger, peers }: BuildPasswordsOptions,
  stack: AsyncDisposableStack,
): Promise<PasswordLogins> {
  // Every process reads the files; one of them tells of it.
  const fileLogger = peers.isPrimary ? logger : logger.child({}, { level: 'silent' })
  // One for all files: what hashing may take of the machine does not grow with their number.
  const verifier = new PasswordVerifier()
  stack.defer(() => verifier.close())
  const files: HtpasswdFile[] = []
  const backends: HtpasswdBackend[] = []
  for (const config of configs) {
    const passwords = await openFile(config, fileLogger)
    stack.defer(() => passwords.close())
    files.push(passwords)
    const { backend: name, realm, hosts, repositories } = config
    const upgrade = config.upgrade ? upgradeOf(config, passwords, logger) : undefined
    backends.push(
      new HtpasswdBackend({
        name,
        realm: new Realm({ name: realm, hosts, repositories }),
        passwords,
        verifier,
        upgrade,
      }),
    )
  }
  return { backends, reload: () => reloadAll(files) }
}

function openFile({ file }: HtpasswdConfig, logger: Logger): Promise<HtpasswdFile> {
  return HtpasswdFile.open({
    path: file,
    onLoad: ({ problems, weak, entries }) => {
      logger.info({ file, accounts: entries.size }, 'password file read')
      for (const problem of problems) logger.warn({ file, ...problem }, 'password file: entry cannot be used')
      for (const problem of weak) logger.warn({ file, ...problem }, 'password file: weak hash')
    },
    onError: (err) => logger.error({ file, err }, 'password file not taken over; the old one stays in force'),
  })
}

function upgradeOf({ file }: HtpasswdConfig, passwords: HtpasswdFile, logger: Logger): HashUpgrade {
  return new HashUpgrade({
    path: file,
    onUpgrade: async (name) => {
      logger.info({ file, name }, 'password file: weak hash replaced')
      await passwords.reload()
    },
    onError: (err) => logger.warn({ file, err }, 'password file: weak hash not replaced'),
  })
}

/** One that makes no sense keeps no other from being read. */
async function reloadAll(files: readonly HtpasswdFile[]): Promise<void> {
  const outcomes = await Promise.allSettled(files.map((file) => file.reload()))
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  if (failures.length === 0) return
  const messages = failures.map((reason) => (reason instanceof Error ? reason.message : 'unknown reason'))
  throw new HtpasswdError(messages.join('; '), { cause: failures[0] })
}
