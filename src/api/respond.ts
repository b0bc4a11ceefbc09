// Answers: the headers of every answer below /v2/, JSON, and errors in the spec's form.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { COMMON_ANSWER_HEADERS } from '../oci/common-answer-headers.ts'
import { RegistryError } from '../oci/error.ts'
import { leaveBody } from './body.ts'
import type { RequestRecord } from './request-record.ts'

/** On every answer below `/v2/`, as `writeHead` takes them. */
export const COMMON_HEADERS: readonly string[] = Object.entries(COMMON_ANSWER_HEADERS).flat()

/** Answers with headers given as a flat list of names and values, and ends. */
export function respondEmpty(res: ServerResponse, status: number, headers: readonly string[] = []): void {
  const length = status === 204 || status === 304 ? [] : ['Content-Length', '0']
  res.writeHead(status, [...COMMON_HEADERS, ...headers, ...length])
  res.end()
}

/** `until`: the answer's last byte is sent at once, but the connection is kept in use until then. */
export function respondJson(
  req: IncomingMessage,
  res: ServerResponse,
  status: number,
  body: unknown,
  headers: readonly string[] = [],
  until?: Promise<void>,
): void {
  const text = JSON.stringify(body)
  const length = Buffer.byteLength(text)
  const type = headers.includes('Content-Type') ? [] : ['Content-Type', 'application/json; charset=utf-8']
  res.writeHead(status, [...COMMON_HEADERS, ...headers, ...type, 'Content-Length', String(length)])
  // One character per byte: Node puts such a text into one write with the headers, and a buffer behind them.
  const bytes = length === text.length ? text : Buffer.from(text).toString('latin1')
  const content = req.method === 'HEAD' ? '' : bytes
  if (!until) return void res.end(content, 'latin1')
  if (content) res.write(content, 'latin1')
  void until.then(() => res.end())
}

/** Answers a failure. What is no `RegistryError` is a bug: 500 for the client, the whole of it for the log. */
export function respondError(
  req: IncomingMessage,
  res: ServerResponse,
  record: RequestRecord,
  failure: unknown,
): undefined {
  // The line in the log says that the answer was cut; there is nobody to tell more.
  if (isGone(res) && isHangUp(failure)) return
  const error =
    failure instanceof RegistryError
      ? failure
      : new RegistryError('UNKNOWN', 'an internal error: see the log', { cause: failure })
  record.code = error.code
  if (error.cause !== undefined) record.error = error.cause
  // An answer under way can only be cut: the client must not take a part for the whole.
  if (res.headersSent || res.destroyed) return void res.destroy()
  const left = leaveBody(req, res)
  respondJson(req, res, error.status, error, Object.entries(error.headers).flat(), left)
}

/** A connection that is cut fails what is written to it, and closes its answer a moment later. */
function isGone(res: ServerResponse): boolean {
  return res.destroyed || res.socket?.destroyed === true
}

/** What streams fail with when the other side is gone. */
const HANG_UPS = new Set([
  'ABORT_ERR',
  'ECANCELED',
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_PREMATURE_CLOSE',
])

function isHangUp(failure: unknown): boolean {
  return failure instanceof Error && 'code' in failure && HANG_UPS.has(String(failure.code))
}
