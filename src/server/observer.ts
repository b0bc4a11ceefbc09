// What becomes of the record of a request: one log line, the metrics, and a line of the audit log.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { RequestRecord } from '../api/request-record.ts'
import type { AuditLog } from '../telemetry/audit-log.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { auditRecordOf } from './audit-record.ts'
import { loggedPath } from './logged-path.ts'

export interface ObserverOptions {
  readonly log: Pick<Log, 'logger' | 'access'>
  readonly metrics: Metrics
  readonly audit?: Pick<AuditLog, 'record'> | undefined
}

const MAX_LOGGED_TEXT = 512
const NOTHING = { read: 0, written: 0 }

/** Writes the log line and the metrics of each request once, when its answer has ended or was cut off. */
export class Observer {
  readonly #log: Pick<Log, 'logger' | 'access'>
  readonly #metrics: Metrics
  readonly #audit: Pick<AuditLog, 'record'> | undefined
  /** What earlier requests of a connection account for. Headers are read before a request is known. */
  readonly #counted = new WeakMap<Socket, { readonly read: number; readonly written: number }>()

  constructor({ log, metrics, audit }: ObserverOptions) {
    this.#log = log
    this.#metrics = metrics
    this.#audit = audit
  }

  observe(req: IncomingMessage, res: ServerResponse, record: RequestRecord): void {
    const { socket } = req
    const startedAt = performance.now()
    // Now: Express cuts off what a router is mounted at.
    const path = loggedPath(req.url ?? '')
    const before = this.#counted.get(socket) ?? NOTHING
    this.#metrics.requestBegan()
    res.on('close', () => {
      const durationMs = performance.now() - startedAt
      // A client that hung up got no status: 499 as proxies log it.
      const status = res.writableFinished || res.headersSent ? res.statusCode : 499
      const [bytesIn, bytesOut] = [socket.bytesRead - before.read, socket.bytesWritten - before.written]
      this.#counted.set(socket, { read: socket.bytesRead, written: socket.bytesWritten })
      const { route, cache } = record
      const method = req.method ?? ''
      this.#metrics.requestEnded({
        route,
        method,
        status,
        seconds: durationMs / 1000,
        bytesIn,
        bytesOut,
        cache,
      })
      if (this.#audit) {
        const audited = auditRecordOf(req, record, status)
        if (audited) this.#audit.record(audited)
      }
      this.#write(req, res, record, {
        path,
        status,
        bytesIn,
        bytesOut,
        durationMs: Math.round(durationMs * 10) / 10,
      })
    })
  }

  #write(req: IncomingMessage, res: ServerResponse, record: RequestRecord, figures: Figures): void {
    const line = {
      client: record.clientAddress,
      method: req.method ?? '',
      path: figures.path,
      status: figures.status,
      bytesIn: figures.bytesIn,
      bytesOut: figures.bytesOut,
      durationMs: figures.durationMs,
      route: record.route,
      user: record.user,
      repository: record.repository,
      action: record.action,
      reference: record.reference,
      digest: record.digest,
      cache: record.cache,
      code: record.code,
      cut: !res.writableFinished,
      userAgent: optionallyClipped(req.headers['user-agent']),
    }
    if (record.error === undefined && figures.status < 500) this.#log.access(line)
    else this.#log.logger[figures.status < 500 ? 'info' : 'error']({ ...line, err: record.error }, 'request')
  }
}

interface Figures {
  readonly path: string
  readonly status: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly durationMs: number
}

function optionallyClipped(text: string | undefined): string | undefined {
  return text === undefined ? undefined : clipped(text)
}

function clipped(text: string): string {
  return text.length > MAX_LOGGED_TEXT ? `${text.slice(0, MAX_LOGGED_TEXT)}…` : text
}
