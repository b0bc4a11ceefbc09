// Password files out of the configuration: each is watched, and is a login backend with a realm of its own.
import type { HashQueueOptions } from '../auth/hash-queue.ts'
import { HashUpgrade } from '../auth/hash-upgrade.ts'
import { HtpasswdBackend } from '../auth/htpasswd-backend.ts'
import { HtpasswdError, HtpasswdFile } from '../auth/htpasswd-file.ts'
import { PasswordVerifier } from '../auth/password-verifier.ts'
import { Realm } from '../auth/realm.ts'
import type { Peers } from '../cache/peers.ts'
import type { HtpasswdConfig } from '../config/auth-config.ts'
import type { Logger } from '../telemetry/log.ts'

const TOPIC = 'password files'
/** Logins that wait for their hash, on the machine, and at least in each process. */
const MAX_WAITING = 64
const MIN_WAITING = 16

export interface PasswordLogins {
  readonly backends: readonly HtpasswdBackend[]
  /** Reads every file again. Rejects when one makes no sense: that one stays what it was. */
  reload(): Promise<void>
}

export interface BuildPasswordsOptions {
  readonly logger: Logger
  readonly peers: Peers
  /** How many processes of this machine check passwords. */
  readonly workers: number
}

/** What is opened is closed with `stack`. Rejects with {@link HtpasswdError}. */
export async function buildPasswords(
  configs: readonly HtpasswdConfig[],
  { logger, peers, workers }: BuildPasswordsOptions,
  stack: AsyncDisposableStack,
): Promise<PasswordLogins> {
  // Every process reads the files; one of them tells of it.
  const fileLogger = peers.isPrimary ? logger : logger.child({}, { level: 'silent' })
  // One for all files: what hashing may take of the machine does not grow with their number.
  const verifier = new PasswordVerifier(hashLimits(workers))
  stack.defer(() => verifier.close())
  const files: HtpasswdFile[] = []
  // What fails is told by the process that reads it.
  peers.answer(TOPIC, () =>
    reloadAll(files).then(
      () => null,
      () => null,
    ),
  )
  const reloadOthers = async () => void (await peers.ask(TOPIC, null))
  const backends: HtpasswdBackend[] = []
  for (const config of configs) {
    // Each process watches for itself: the first that sees a change tells the others.
    const passwords = await openFile(config, fileLogger, () => peers.tell(TOPIC, null))
    stack.defer(() => passwords.close())
    files.push(passwords)
    const { backend: name, realm, hosts, repositories } = config
    const upgrade = config.upgrade ? upgradeOf(config, { passwords, reloadOthers, logger }) : undefined
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

function openFile({ file }: HtpasswdConfig, logger: Logger, onLoad: () => void): Promise<HtpasswdFile> {
  return HtpasswdFile.open({
    path: file,
    onLoad: ({ problems, weak, entries }) => {
      onLoad()
      logger.info({ file, accounts: entries.size }, 'password file read')
      for (const problem of problems) logger.warn({ file, ...problem }, 'password file: entry cannot be used')
      for (const problem of weak) logger.warn({ file, ...problem }, 'password file: weak hash')
    },
    onError: (err) => logger.error({ file, err }, 'password file not taken over; the old one stays in force'),
  })
}

/** Processes are as many as cores: each may keep half of its core busy with hashes, and they share what may wait. */
function hashLimits(workers: number): HashQueueOptions {
  if (workers === 1) return {}
  return { concurrency: 1, maxWaiting: Math.max(MIN_WAITING, Math.floor(MAX_WAITING / workers)) }
}

interface UpgradeOptions {
  readonly passwords: HtpasswdFile
  /** Resolves when the other processes have read the files again, too. */
  readonly reloadOthers: () => Promise<void>
  readonly logger: Logger
}

function upgradeOf(
  { file }: HtpasswdConfig,
  { passwords, reloadOthers, logger }: UpgradeOptions,
): HashUpgrade {
  return new HashUpgrade({
    path: file,
    onUpgrade: async (name) => {
      logger.info({ file, name }, 'password file: weak hash replaced')
      await passwords.reload()
      // A token that is got by this login would be none of theirs with the old hash.
      await reloadOthers()
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
