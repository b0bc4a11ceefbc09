// The primary: what one process does for all. It starts the workers; clients never reach it.
import type { Config } from '../../config/config.ts'
import { createLog } from '../../telemetry/log.ts'
import { Metrics } from '../../telemetry/metrics.ts'
import { openAdminSide } from '../admin-side.ts'
import { buildAudit } from '../build-audit.ts'
import { scheduleGc } from '../gc-schedule.ts'
import type { Gateway, GatewayOptions } from '../gateway.ts'
import { measureStores } from '../log-events.ts'
import { buildParts, type Parts } from '../parts.ts'
import { scheduleWarmUps } from '../warm-up-schedule.ts'
import { startReloader } from '../reloader.ts'
import { StoreLocks } from '../store-locks.ts'
import { Crew, type CrewOptions } from './crew.ts'
import { Crews } from './crews.ts'
import { PrimaryPeers } from './primary-peers.ts'
import { PrimaryReload, type InForce } from './primary-reload.ts'
import { TicketSecret } from './ticket-secret.ts'
import { WorkersMetrics } from './workers-metrics.ts'

/** What the primary itself remembers of its stores, for what the admin API does to them. */
const CACHE_BYTES = 1024 * 1024

/** Starts everything, or nothing: rejects with one line that says what is wrong. */
export async function startPrimary(config: Config, options: GatewayOptions): Promise<Gateway> {
  await using opened = new AsyncDisposableStack()
  const log = await createLog(config.logging)
  opened.defer(() => log.flush())
  const { logger } = log
  const audit = await buildAudit(config.audit, log, opened)
  const locks = await StoreLocks.take(config, logger)
  opened.defer(() => locks.release())
  const peers = new PrimaryPeers()
  opened.defer(() => peers.close())
  const tickets = new TicketSecret(peers)
  opened.defer(() => tickets.close())
  const inForce: InForce = { config, changes: 0 }
  const opening = Promise.withResolvers<PrimaryReload>()
  const createCrew = crewFactory(opening.promise, {
    peers,
    logger,
    tickets,
    flags: options.nodeFlags ?? [],
    onLine: log.relay,
    onAuditLine: (line) => audit?.relay(line),
  })
  // The processes start while this one opens what they need.
  const crews = new Crews(createCrew(inForce), peers)
  opened.defer(() => crews.close(config.shutdownGraceMs))
  const own = new Metrics()
  measureStores(own, opened)
  const metrics = new WorkersMetrics({
    peers,
    metrics: own,
    workers: () => crews.serving.listening,
  })
  const cache = { ...config.cache, memoryBytes: CACHE_BYTES }
  const parts = await buildParts({ ...config, cache }, { logger, peers }, opened)
  const { operations } = parts
  scheduleGc(config, operations, logger, opened)
  scheduleWarmUps(config, operations, logger, opened)
  const adminUrl = await openAdminSide(
    config,
    parts,
    {
      checkHealth: () => checkHealth(crews, parts),
      renderMetrics: () => metrics.render(),
      localToken: locks.token,
      audit,
    },
    opened,
  )
  await locks.open(adminUrl)
  const { reloadConfig: readConfig } = options
  const reload = new PrimaryReload({ inForce, readConfig, parts, peers, crews, createCrew, logger })
  await reload.readTls()
  opening.resolve(reload)
  const addresses = await crews.serving.started
  const reloader = await startReloader(
    { config, parts, tlsFiles: () => reload.tlsFiles, audit },
    { takeOver: () => reload.takeOver(), logger },
    opened,
  )
  const running = opened.move()
  return {
    addresses: [...addresses, adminUrl],
    failed: crews.failed,
    reload: () => reloader.reload(),
    restart: () => reload.restart(),
    async close() {
      // What the workers need is there until the last of them has left.
      await crews.close(inForce.config.shutdownGraceMs)
      await running.disposeAsync()
    },
  }
}

type CrewFactoryOptions = Omit<CrewOptions, 'size' | 'orders' | 'onListening'> & {
  readonly tickets: TicketSecret
}

/** Workers get their orders when `opening` is done. */
function crewFactory(opening: Promise<PrimaryReload>, { tickets, ...options }: CrewFactoryOptions) {
  // Told by the workers' own end.
  opening.catch(() => undefined)
  return (of: InForce): Crew => {
    /** How much had been taken over when a worker got its orders. */
    const changes = new Map<string, number>()
    return new Crew({
      ...options,
      size: of.config.workers,
      orders: async (id) => {
        await opening
        changes.set(id, of.changes)
        return { config: shareOf(of.config), ticketSecret: tickets.current }
      },
      onListening: async (id) => {
        const reload = await opening
        await reload.catchUp(id, changes.get(id) ?? 0)
        changes.delete(id)
      },
    })
  }
}

async function checkHealth({ serving }: Crews, { checkStores }: Parts): Promise<void> {
  if (!serving.isListening) throw new Error('no worker listens')
  await checkStores()
}

/** The cache's size is that of the machine. */
function shareOf(config: Config): Config {
  const memoryBytes = Math.floor(config.cache.memoryBytes / config.workers)
  return { ...config, cache: { ...config.cache, memoryBytes } }
}
