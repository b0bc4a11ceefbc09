// Who did what, with which right: one JSON line for each decision. Nothing in it is a secret.
import { field, isoTime, quoted } from './json-line.ts'
import { LineWriter } from './line-writer.ts'
import { RotatedFile } from './rotated-file.ts'

export interface AuditRecord {
  /** Its IP address, behind trusted proxies. */
  readonly client: string
  /** Undefined: nobody who has proved who it is. */
  readonly user: string | undefined
  /** How that was proved: `basic`, `bearer`, `certificate`, `local` (a command of this machine), or `anonymous`. */
  readonly credential: string | undefined
  /** What vouches for the user, and by what it knows it: `htpasswd:alice`. */
  readonly account: string | undefined
  /** `pull`, `push`, `delete`, `catalog`, `login`, `token`, or what was asked of the admin API. */
  readonly action: string
  readonly repository: string | undefined
  readonly reference: string | undefined
  readonly digest: string | undefined
  /** What a token was issued for. */
  readonly scopes: readonly string[] | undefined
  readonly decision: 'allow' | 'deny' | 'challenge' | 'error'
  /** The grant that allowed it: its position, from 0, and its line in the configuration. */
  readonly rule: number | undefined
  readonly line: number | undefined
  readonly status: number
  /** The error code the client got. */
  readonly code: string | undefined
}

export interface AuditLogOptions {
  /** Undefined: to `line`. */
  readonly file: string | undefined
  readonly maxBytes: number
  readonly keep: number
  /** Whether pulls that are allowed are told. */
  readonly pulls: boolean
  readonly line: (text: string) => void
  readonly onError: (error: unknown) => void
}

export interface AuditLog {
  record(record: AuditRecord): void
  /** Takes a line, with a line feed, out of the audit log of another process. */
  relay(line: string): void
  /** The file was moved away by somebody else: begin it anew. */
  reopen(): void
  /** Resolves when everything is written. */
  close(): Promise<void>
}

/** Rejects when the file can not be written. */
export async function openAuditLog({ line, pulls, ...options }: AuditLogOptions): Promise<AuditLog> {
  const { file: path } = options
  const file = path === undefined ? undefined : await openFile({ ...options, path })
  const writer = file && new LineWriter(file)
  const write = writer ? (text: string) => writer.write(text) : line
  return {
    record(record) {
      if (!pulls && record.action === 'pull' && record.decision === 'allow') return
      write(auditLine(record, Date.now()))
    },
    relay: write,
    reopen: () => file?.reopen(),
    async close() {
      await writer?.flush()
      await file?.close()
    },
  }
}

/** JSON in a fixed order of fields, with a line feed. `now` is milliseconds since the epoch. */
export function auditLine(record: AuditRecord, now: number): string {
  const { scopes, rule, line } = record
  return (
    `{"time":"${isoTime(now)}","msg":"audit","client":${quoted(record.client)}${field('user', record.user)}` +
    `${field('credential', record.credential)}${field('account', record.account)}` +
    `,"action":${quoted(record.action)}${field('repository', record.repository)}` +
    `${field('reference', record.reference)}${field('digest', record.digest)}` +
    `${scopes === undefined ? '' : `,"scopes":${JSON.stringify(scopes)}`},"decision":"${record.decision}"` +
    `${rule === undefined ? '' : `,"rule":"access[${rule}]"`}${line === undefined ? '' : `,"line":${line}`}` +
    `,"status":${record.status}${field('code', record.code)}}\n`
  )
}

async function openFile(options: Parameters<typeof RotatedFile.open>[0]): Promise<RotatedFile> {
  try {
    return await RotatedFile.open(options)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`the audit file cannot be written: ${reason}`, { cause })
  }
}
