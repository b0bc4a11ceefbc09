// What the file says that claims a blob on its way: one JSON object a line, written by the process that fetches it.
import { parseProcessIdentity, type ProcessIdentity } from '../../../storage/process-identity.ts'

/** `left`: nobody reads it there any more, others may go on; `full`: the disk has no room for the rest. */
export type FillEnd = 'verified' | 'failed' | 'full' | 'left'

export interface ClaimText {
  /** Tells claims of one process apart. */
  readonly token: string
  readonly owner: ProcessIdentity
  /** By its name upstream: what the upstream was asked for. */
  readonly repository: string
  /** The name of the file, beside this one, that the bytes go to. */
  readonly data: string
  /** Bytes of the whole blob; undefined while the upstream has not answered. */
  readonly size: number | undefined
  readonly end: FillEnd | undefined
}

const ENDS: ReadonlySet<unknown> = new Set<FillEnd>(['verified', 'failed', 'full', 'left'])
const DATA_NAME = /^[0-9a-f-]{36}\.data$/

/** A line of its own, to be appended. */
export function claimLine(part: Partial<ClaimText>): string {
  return `${JSON.stringify(part)}\n`
}

/** Undefined for what makes no sense, as a claim that is being written or was cut off. */
export function parseClaim(text: string): ClaimText | undefined {
  const parts = text.split('\n').slice(0, -1).map(parseLine)
  const { token, owner, repository, data, size, end } = Object.assign({}, ...parts) as Record<string, unknown>
  const process = parseProcessIdentity(owner)
  if (typeof token !== 'string' || typeof repository !== 'string' || process === undefined) return undefined
  // It ends up in a path.
  if (typeof data !== 'string' || !DATA_NAME.test(data)) return undefined
  return {
    token,
    repository,
    data,
    owner: process,
    size: Number.isSafeInteger(size) ? Number(size) : undefined,
    end: isEnd(end) ? end : undefined,
  }
}

function isEnd(value: unknown): value is FillEnd {
  return ENDS.has(value)
}

function parseLine(line: string): object {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}
