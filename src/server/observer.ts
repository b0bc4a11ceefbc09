// What becomes of the record of a request: one log line, and the metrics.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { RequestRecord } from '../api/request-record.ts'
import type { Logger } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'

export interface ObserverOptions {
  readonly logger: Logger
  readonly metrics: Metrics
}

const MAX_LOGGED_TEXT = 512

/** Writes the log line and the metrics of each request once, when its answer has ended or was cut off. */
export class Observer {
  readonly #logger: Logger
  readonly #metrics: Metrics

  constructor({ logger, metrics }: ObserverOptions) {
    this.#logger = logger
    this.#metrics = metrics
  }

  observe(req: IncomingMessage, res: ServerResponse, record: RequestRecord): void {
    const { socket } = req
    const startedAt = performance.now()
    const [readBefore, writtenBefore] = [socket.bytesRead, socket.bytesWritten]
    this.#metrics.requestBegan()
    res.once('close', () => {
      const durationMs = performance.now() - startedAt
      // A client that hung up got no status: 499 as proxies log it.
      const status = res.writableFinished || res.headersSent ? res.statusCode : 499
      const bytesOut = socket.bytesWritten - writtenBefore
      const bytesIn = socket.bytesRead - readBefore
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
      this.#write(req, res, record, {
        status,
        bytesIn,
        bytesOut,
        durationMs: Math.round(durationMs * 10) / 10,
      })
    })
  }

  #write(req: IncomingMessage, res: ServerResponse, record: RequestRecord, figures: Figures): void {
    const { clientAddress, error, ...known } = record
    const line = {
      client: clientAddress,
      method: req.method,
      // Queries hold upload states and, from careless clients, secrets.
      path: clipped(req.url?.split('?')[0]),
      ...figures,
      ...known,
      ...(res.writableFinished ? {} : { cut: true }),
      userAgent: clipped(req.headers['user-agent']),
      ...(error === undefined ? {} : { err: error }),
    }
    if (figures.status >= 500) this.#logger.error(line, 'request')
    else this.#logger.info(line, 'request')
  }
}

interface Figures {
  readonly status: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly durationMs: number
}

function clipped(text: string | undefined): string | undefined {
  return text !== undefined && text.length > MAX_LOGGED_TEXT ? `${text.slice(0, MAX_LOGGED_TEXT)}…` : text
}
