// What a worker runs: the public side of a gateway.
import type { Message, Peers } from '../../cache/peers.ts'
import { LineWriter } from '../../telemetry/line-writer.ts'
import { createLog } from '../../telemetry/log.ts'
import { Metrics } from '../../telemetry/metrics.ts'
import { buildAudit } from '../build-audit.ts'
import { buildParts } from '../parts.ts'
import { openPublicSide } from '../public-side.ts'
import { takeOver } from '../take-over.ts'
import { decodeConfig, textOf, TOPIC, type Orders } from './orders.ts'
import { AUDIT_DESCRIPTOR } from './worker-process.ts'

export interface RunningWorker {
  /** Where it listens, as URLs. */
  readonly addresses: readonly string[]
  /** Lets running requests end within the configured grace, tells what it has counted, and lets go of everything. */
  close(options: {
    /** Clients find others in its place: none of their connections is to be closed under a request. */
    readonly isReplaced: boolean
  }): Promise<void>
}

/** So much of what it counted is lost at most when it crashes. */
const METRICS_MS = 5000
/** A client that was idle for so long hardly sends a request at the very moment when its connection is closed. */
const QUIET_MS = 2000

/** Starts everything, or nothing: rejects with one line that says what is wrong. */
export async function startWorker(orders: Orders, peers: Peers): Promise<RunningWorker> {
  await using opened = new AsyncDisposableStack()
  const { config } = orders
  // The primary writes the lines of all processes, in the form that people asked for.
  const log = await createLog({ ...config.logging, format: 'json' })
  opened.defer(() => log.flush())
  const auditLines = new LineWriter(AUDIT_DESCRIPTOR)
  opened.defer(() => auditLines.flush())
  const line = (text: string) => auditLines.write(text)
  const audit = await buildAudit(
    config.audit && { ...config.audit, file: undefined },
    { ...log, line },
    opened,
  )
  const metrics = new Metrics()
  opened.defer(async () => void (await peers.askPrimary(TOPIC.counted, await snapshotOf(metrics))))
  const parts = await buildParts(config, { logger: log.logger, peers }, opened)
  metrics.addUpstreams(() => parts.upstreams.samples())
  const listeners = await openPublicSide(
    config,
    parts,
    { log, metrics, audit, ticketSecret: orders.ticketSecret },
    opened,
  )
  const { auth, keyFiles } = parts
  const reloadTls = () => listeners.reloadTls()
  peers.answer(TOPIC.reload, (message) => reloadedBy(message, { auth, keyFiles, reloadTls }))
  peers.answer(TOPIC.tickets, (secret) => {
    listeners.replaceTicketSecret(Buffer.from(textOf(secret), 'base64'))
    return null
  })
  peers.answer(TOPIC.metrics, () => snapshotOf(metrics))
  const told = setInterval(() => void tellMetrics(peers, metrics), METRICS_MS).unref()
  opened.defer(() => clearInterval(told))
  const running = opened.move()
  return {
    addresses: listeners.addresses,
    async close({ isReplaced }) {
      await listeners.close(config.shutdownGraceMs, { quietMs: isReplaced ? QUIET_MS : 0 })
      await running.disposeAsync()
    },
  }
}

/** Answers what was refused: `JSON.stringify` of pairs of what and why. */
async function reloadedBy(
  message: Message,
  parts: Omit<Parameters<typeof takeOver>[0], 'readConfig'>,
): Promise<Message> {
  const refused: [string, string][] = []
  const readConfig = async () => decodeConfig(textOf(message))
  await takeOver(
    { ...parts, readConfig },
    {
      taken: () => undefined,
      refused: (what, error) => refused.push([what, error instanceof Error ? error.message : String(error)]),
    },
  )
  return JSON.stringify(refused)
}

async function snapshotOf(metrics: Metrics): Promise<string> {
  return JSON.stringify(await metrics.snapshot())
}

/** Without the primary this process is about to end. */
async function tellMetrics(peers: Peers, metrics: Metrics): Promise<void> {
  await peers.askPrimary(TOPIC.counted, await snapshotOf(metrics)).catch(() => undefined)
}
