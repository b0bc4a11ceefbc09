// The composition root: a configuration in, a running gateway out.
import { noPeers } from '../cache/peers.ts'
import type { Config } from '../config/config.ts'
import { createLog } from '../telemetry/log.ts'
import { Metrics } from '../telemetry/metrics.ts'
import { openAdminSide } from './admin-side.ts'
import { buildAudit } from './build-audit.ts'
import { fixedSections } from './fixed-sections.ts'
import { scheduleGc } from './gc-schedule.ts'
import { measureStores } from './log-events.ts'
import { buildParts } from './parts.ts'
import { openPublicSide } from './public-side.ts'
import { loggedTakeOver, startReloader } from './reloader.ts'
import { StoreLocks } from './store-locks.ts'
import { scheduleWarmUps } from './warm-up-schedule.ts'
import { takeOver } from './take-over.ts'

export interface GatewayOptions {
  /** Reads the configuration again, for a reload. Rejects when it is not valid. */
  readonly reloadConfig: () => Promise<Config>
  /** Options of Node that this process runs with, for its workers. */
  readonly nodeFlags?: readonly string[]
}

export interface Gateway {
  /** Where it listens, as URLs: public listeners first, the admin address last. */
  readonly addresses: readonly string[]
  /** Takes over grants, rules about ID tokens, password files, keys and certificates. What is not valid keeps the old state, and is logged. */
  reload(): Promise<void>
  /** Replaces the workers one and all, without closing a connection. What keeps it from being done is logged. */
  restart(): Promise<void>
  /** Rejects when it can not go on. */
  readonly failed: Promise<never>
  /** Stops accepting, lets running requests end within the configured grace, and lets go of everything. */
  close(): Promise<void>
}

/** Starts all of it in this process, or nothing: rejects with one line that says what is wrong. */
export async function startGateway(config: Config, { reloadConfig }: GatewayOptions): Promise<Gateway> {
  await using opened = new AsyncDisposableStack()
  const log = await createLog(config.logging)
  opened.defer(() => log.flush())
  const { logger } = log
  const audit = await buildAudit(config.audit, log, opened)
  const metrics = new Metrics()
  measureStores(metrics, opened)
  const locks = await StoreLocks.take(config, logger)
  opened.defer(() => locks.release())
  const parts = await buildParts(config, { logger, peers: noPeers() }, opened)
  const { auth, keyFiles, checkStores, operations } = parts
  metrics.addUpstreams(() => parts.upstreams.samples())
  scheduleGc(config, operations, logger, opened)
  scheduleWarmUps(config, operations, logger, opened)
  // Opened first and closed last: health and metrics answer until the public listeners have drained.
  const adminUrl = await openAdminSide(
    config,
    parts,
    { checkHealth: checkStores, renderMetrics: () => metrics.render(), localToken: locks.token, audit },
    opened,
  )
  const listeners = await openPublicSide(config, parts, { log, metrics, audit }, opened)
  await locks.open(adminUrl)
  const report = loggedTakeOver(logger)
  const reloadTls = () => listeners.reloadTls()
  const reloader = await startReloader(
    { config, parts, tlsFiles: () => listeners.tlsFiles, audit },
    {
      takeOver: async () => {
        const next = await takeOver({ auth, keyFiles, readConfig: reloadConfig, reloadTls }, report)
        const sections = next ? fixedSections(config, next, auth.hasAccounts) : []
        if (sections.length > 0)
          logger.warn({ sections }, 'these sections have changed: restart to take them over')
      },
      logger,
    },
    opened,
  )
  const running = opened.move()
  return {
    addresses: [...listeners.addresses, adminUrl],
    failed: Promise.withResolvers<never>().promise,
    reload: () => reloader.reload(),
    restart: async () => logger.warn('nothing is replaced: there is one process, with workers: 1'),
    close: () => running.disposeAsync(),
  }
}
