// Reads the text of a password file as nginx does (ngx_http_auth_basic_module, "auth_basic_user_file").
import { costClassOf, inspectHash, type HashReport } from './password-hash.ts'

export interface PasswordEntry {
  readonly name: string
  /** As it stands in the file, also when nothing here can verify it: then no password is right. */
  readonly hash: string
}

/** A line that gives nobody a login, or never will; for the operator, without a hash. */
export interface PasswordProblem {
  /** Counted from 1. */
  readonly line: number
  readonly name: string
  readonly message: string
}

export interface PasswordList {
  readonly entries: ReadonlyMap<string, PasswordEntry>
  readonly problems: readonly PasswordProblem[]
  /** The lines that give a login, by a hash that should be replaced. */
  readonly weak: readonly PasswordProblem[]
  /** A hash as costly as most of the list's: what an unknown user's password is checked against. */
  readonly decoy: string | undefined
}

/**
 * `name:hash`, one a line; what follows a second colon is a comment, `#` begins a line that is one, the first line of a
 * name counts. Names that begin with `$` or `@` are left out: grants would take them for something else.
 */
export function parseHtpasswd(text: string): PasswordList {
  const entries = new Map<string, PasswordEntry>()
  const problems: PasswordProblem[] = []
  const weak: PasswordProblem[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const entry = parseLine(line)
    if (!entry || entries.has(entry.name)) continue
    const { name, hash } = entry
    const { problem, weakness } = inspectEntry(name, hash)
    if (problem !== undefined) problems.push({ line: index + 1, name, message: problem })
    if (weakness !== undefined) weak.push({ line: index + 1, name, message: weakness })
    if (!isReserved(name)) entries.set(name, { name, hash })
  }
  return { entries, problems, weak, decoy: mostCommonHash([...entries.values()]) }
}

/** One line as it is understood: what stands behind the hash is a comment or the line's end. Undefined for a line without an entry. */
export function parseLine(line: string): (PasswordEntry & { readonly rest: string }) | undefined {
  const parts = /^([^#:\r\n][^:\r\n]*):([^:\r\n]*)(.*)$/s.exec(line)
  if (!parts) return undefined
  const [, name = '', hash = '', rest = ''] = parts
  return { name, hash, rest }
}

function isReserved(name: string): boolean {
  return /^[$@]/.test(name)
}

function inspectEntry(name: string, hash: string): HashReport {
  if (isReserved(name)) return { problem: 'a name may not begin with $ or @; the line is left out' }
  if (hash === '') return { problem: 'there is no password hash; the account can not log in' }
  const { problem, weakness } = inspectHash(hash)
  if (problem !== undefined) return { problem: `${problem}; the account can not log in` }
  return weakness === undefined ? {} : { weakness: `${weakness}; give the account a new password` }
}

/** A hash of the cost that most entries have, so that a name that is not there takes as long as one that is. */
function mostCommonHash(entries: readonly PasswordEntry[]): string | undefined {
  const classes = Map.groupBy(entries, ({ hash }) => costClassOf(hash))
  classes.delete(undefined)
  const largest = [...classes.values()].toSorted((one, other) => other.length - one.length)[0]
  return largest?.[0]?.hash
}
