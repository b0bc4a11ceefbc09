// The log line of a request, put together by hand: it is the one thing that is written for every request.
import { field, isoTime, quoted } from './json-line.ts'

/** What a line says. Absent values are left out. */
export interface AccessRecord {
  readonly client: string
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly status: number
  readonly bytesIn: number
  readonly bytesOut: number
  readonly durationMs: number
  readonly route: string
  readonly user: string | undefined
  readonly repository: string | undefined
  readonly action: string | undefined
  readonly reference: string | undefined
  readonly digest: string | undefined
  readonly cache: string | undefined
  readonly code: string | undefined
  /** The answer did not reach its end. */
  readonly cut: boolean
  readonly userAgent: string | undefined
}

/** JSON in a fixed order of fields, with a line feed. `now` is milliseconds since the epoch. */
export function accessLine(record: AccessRecord, now: number): string {
  const { status, bytesIn, bytesOut, durationMs } = record
  return (
    `{"level":"info","time":"${isoTime(now)}","client":${quoted(record.client)},"method":${quoted(record.method)}` +
    `,"path":${quoted(record.path)},"status":${status},"bytesIn":${bytesIn},"bytesOut":${bytesOut}` +
    `,"durationMs":${durationMs},"route":${quoted(record.route)}${field('user', record.user)}` +
    `${field('repository', record.repository)}${field('action', record.action)}` +
    `${field('reference', record.reference)}${field('digest', record.digest)}${field('cache', record.cache)}` +
    `${field('code', record.code)}${record.cut ? ',"cut":true' : ''}${field('userAgent', record.userAgent)}` +
    ',"msg":"request"}\n'
  )
}
