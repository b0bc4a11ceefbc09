// The composition root: a configuration in, a running gateway out.
import { Api } from '../api/api.ts'
import { Guard } from '../api/guard.ts'
import type { Config } from '../config/config.ts'
import { DAMAGED_BLOBS, type DamagedBlob } from '../core/bundled/scrub/quarantine.ts'
import { UPLOADS_PURGED, type PurgeReport } from '../core/bundled/upload-purge.ts'
import { MIRROR_FAILURES } from '../core/mirror/as-cache.ts'
import { Observer } from '../server/observer.ts'
import { OriginResolver } from '../server/origin.ts'
import { createLog, type Logger } from '../telemetry/log.ts'
import { Metrics } from '../telemetry/metrics.ts'
import { buildAdmin } from './build-admin.ts'
import { buildAudit } from './build-audit.ts'
import { buildAuth } from './build-auth.ts'
import { buildCaches } from './build-caches.ts'
import { buildNaming } from './build-policy.ts'
import { buildRegistry } from './build-registry.ts'
import { buildWeb } from './build-web.ts'
import { scheduleGc } from './gc-schedule.ts'
import { FilesWatcher } from './files-watcher.ts'
import { Listeners } from './listeners.ts'
import { Reloader } from './reloader.ts'
import { StoreLocks } from './store-locks.ts'
import { TokenKeyFiles } from './token-key-files.ts'

const DAY_MS = 24 * 60 * 60 * 1000

export interface GatewayOptions {
  /** Reads the configuration again, for a reload. Rejects when it is not valid. */
  readonly reloadConfig: () => Promise<Config>
}

export interface Gateway {
  /** Where it listens, as URLs: public listeners first, the admin address last. */
  readonly addresses: readonly string[]
  /** Takes over grants, rules about ID tokens, password files, keys and certificates. What is not valid keeps the old state, and is logged. */
  reload(): Promise<void>
  /** Stops accepting, lets running requests end within the configured grace, and lets go of everything. */
  close(): Promise<void>
}

/** Starts everything, or nothing: rejects with one line that says what is wrong. */
export async function startGateway(config: Config, { reloadConfig }: GatewayOptions): Promise<Gateway> {
  await using opened = new AsyncDisposableStack()
  const log = createLog(config.logging)
  opened.defer(() => log.flush())
  const { logger } = log
  const audit = await buildAudit(config.audit, log, opened)
  const metrics = new Metrics()
  const caches = buildCaches(config.cache)
  opened.defer(() => caches.close())
  logMirrorFailures(logger, opened)
  logPurges(logger, opened)
  logDamage(logger, opened)
  const locks = await StoreLocks.take(config, logger)
  opened.defer(() => locks.release())
  const keyFiles = new TokenKeyFiles(config)
  const { registry, checkStores, operations } = await buildRegistry(config, caches, keyFiles, opened)
  scheduleGc(config, operations, logger, opened)
  const auth = await buildAuth(config, keyFiles, logger, opened)
  const naming = buildNaming(config)
  const { hidesRepositories } = config
  const guard = new Guard({ ...auth, tokenService: auth.tokens, hidesRepositories })
  const front = {
    api: new Api({ registry, naming, guard }),
    web: buildWeb(auth, naming),
    origins: new OriginResolver(config),
    observer: new Observer({ log, metrics, audit }),
    isNamespace: (text: string) => naming.isNamespace(text),
  }
  const admin = buildAdmin({
    ...auth,
    checkHealth: checkStores,
    renderMetrics: () => metrics.render(),
    localToken: locks.token,
    stores: operations,
    naming,
    origins: front.origins,
    audit,
  })
  const listeners = await Listeners.open(config, front, admin)
  opened.defer(() => listeners.close(config.shutdownGraceMs))
  await locks.open(listeners.addresses.at(-1) ?? '')
  const reloader = new Reloader({ config, reloadConfig, auth, keyFiles, listeners, logger })
  const filesInUse = () => [
    ...listeners.tlsFiles,
    ...keyFiles.files,
    ...auth.files,
    ...(config.file === undefined ? [] : [config.file]),
  ]
  const watcher = await FilesWatcher.start(filesInUse(), () => void reload())
  opened.defer(() => watcher.close())
  const reload = async () => {
    // Also on SIGHUP: then somebody may have moved the file away.
    audit?.reopen()
    await reloader.reload()
    try {
      // A new configuration may name other files, which may have changed since they were read.
      if (await watcher.watch(filesInUse())) await reloader.reload()
    } catch (err) {
      logger.error({ err }, 'files not watched: send SIGHUP when they change')
    }
  }
  // A certificate of the local CA is renewed before it expires, also where nobody restarts for years.
  const daily = setInterval(() => void reload(), DAY_MS)
  opened.defer(() => clearInterval(daily))
  const running = opened.move()
  return { addresses: listeners.addresses, reload, close: () => running.disposeAsync() }
}

/** What a mirror could not keep costs another download; nobody else is told. */
function logMirrorFailures(logger: Logger, stack: AsyncDisposableStack): void {
  const log = (message: unknown) => logger.warn({ err: errorOf(message) }, 'mirror: not kept')
  MIRROR_FAILURES.subscribe(log)
  stack.defer(() => {
    MIRROR_FAILURES.unsubscribe(log)
  })
}

function logDamage(logger: Logger, stack: AsyncDisposableStack): void {
  const log = (message: unknown) => {
    const { digest, movedTo } = message as DamagedBlob // nothing else is published there
    logger.error({ digest, movedTo }, 'damaged content moved aside: push it again')
  }
  DAMAGED_BLOBS.subscribe(log)
  stack.defer(() => DAMAGED_BLOBS.unsubscribe(log))
}

function logPurges(logger: Logger, stack: AsyncDisposableStack): void {
  const log = (message: unknown) => {
    const { purged, failures } = message as PurgeReport // nothing else is published there
    if (purged > 0) logger.info({ purged }, 'stale upload sessions removed')
    for (const err of failures) logger.warn({ err }, 'stale upload session not removed')
  }
  UPLOADS_PURGED.subscribe(log)
  stack.defer(() => UPLOADS_PURGED.unsubscribe(log))
}

function errorOf(message: unknown): unknown {
  return typeof message === 'object' && message !== null && 'error' in message ? message.error : message
}
