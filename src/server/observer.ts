// What becomes of the record of a request: one log line, the metrics, and a line of the audit log.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { RequestRecord } from '../api/request-record.ts'
import type { AccessRecord } from '../telemetry/access-line.ts'
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

/** Writes the log line and the metrics of each request once, when its answer has ended or was cut off. */
export class Observer {
  readonly #log: Pick<Log, 'logger' | 'access'>
  readonly #metrics: Metrics
  readonly #audit: Pick<AuditLog, 'record'> | undefined
  /** What earlier requests of a connection account for. Headers are read before a request is known. */
  readonly #counted = new WeakMap<Socket, { read: number; written: number }>()

  constructor({ log, metrics, audit }: ObserverOptions) {
    this.#log = log
    this.#metrics = metrics
    this.#audit = audit
  }

  /** To be called when a request has come; what it returns, when the answer has ended or was cut off. */
  observe(req: IncomingMessage, res: ServerResponse, record: RequestRecord): () => void {
    const startedAt = performance.now()
    // Now: Express cuts off what a router is mounted at.
    const path = loggedPath(req.url ?? '')
    this.#metrics.requests.began()
    return () => this.#ended(req, res, record, path, performance.now() - startedAt)
  }

  #ended(
    req: IncomingMessage,
    res: ServerResponse,
    record: RequestRecord,
    path: string,
    durationMs: number,
  ): void {
    // A client that hung up got no status: 499 as proxies log it.
    const status = res.writableFinished || res.headersSent ? res.statusCode : 499
    const { bytesIn, bytesOut } = this.#bytesSince(req.socket)
    const { route, cache } = record
    const { method = '' } = req
    const seconds = durationMs / 1000
    this.#metrics.requests.ended({ route, method, status, seconds, bytesIn, bytesOut, cache })
    if (this.#audit) {
      const audited = auditRecordOf(req, record, status)
      if (audited) this.#audit.record(audited)
    }
    const line: AccessRecord = {
      client: record.clientAddress,
      method,
      path,
      status,
      bytesIn,
      bytesOut,
      durationMs: Math.round(durationMs * 10) / 10,
      route,
      user: record.user,
      repository: record.repository,
      action: record.action,
      reference: record.reference,
      digest: record.digest,
      cache,
      code: record.code,
      cut: !res.writableFinished,
      userAgent: optionallyClipped(req.headers['user-agent']),
    }
    if (record.error === undefined && status < 500) this.#log.access(line)
    else this.#log.logger[status < 500 ? 'info' : 'error']({ ...line, err: record.error }, 'request')
  }

  /** Moved on a connection since this was asked last. A socket that was cut forgets what it had not sent yet. */
  #bytesSince(socket: Socket): { bytesIn: number; bytesOut: number } {
    let counted = this.#counted.get(socket)
    if (!counted) this.#counted.set(socket, (counted = { read: 0, written: 0 }))
    const { bytesRead, bytesWritten } = socket
    const since = { bytesIn: bytesRead - counted.read, bytesOut: Math.max(0, bytesWritten - counted.written) }
    counted.read = bytesRead
    counted.written = bytesWritten
    return since
  }
}

function optionallyClipped(text: string | undefined): string | undefined {
  return text === undefined ? undefined : clipped(text)
}

function clipped(text: string): string {
  return text.length > MAX_LOGGED_TEXT ? `${text.slice(0, MAX_LOGGED_TEXT)}…` : text
}
