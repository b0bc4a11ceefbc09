// The log line of a request, put together by hand: it is the one thing that is written for every request.

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

function field(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${quoted(value)}`
}

/** Printable ASCII without quote and backslash: what needs no escape. */
const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : JSON.stringify(text)
}

/** The second that was formatted last: a thousand lines share it. */
const formatted = { second: -1, text: '' }

function isoTime(now: number): string {
  const second = Math.floor(now / 1000)
  if (second !== formatted.second) {
    formatted.second = second
    formatted.text = new Date(second * 1000).toISOString().slice(0, -'000Z'.length)
  }
  return `${formatted.text}${String(now - second * 1000).padStart(3, '0')}Z`
}
