// Reads the text of a password file as nginx does (ngx_http_auth_basic_module, "auth_basic_user_file").
import { costClassOf } from './password-hash.ts'

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
  for (const [index, line] of text.split('\n').entries()) {
    const [name = '', hash = ''] = line.replace(/\r.*$/s, '').split(':', 2)
    if (name === '' || name.startsWith('#') || !line.includes(':') || entries.has(name)) continue
    const message = problemOf(name, hash)
    if (message !== undefined) problems.push({ line: index + 1, name, message })
    if (!isReserved(name)) entries.set(name, { name, hash })
  }
  return { entries, problems, decoy: mostCommonHash([...entries.values()]) }
}

function isReserved(name: string): boolean {
  return /^[$@]/.test(name)
}

function problemOf(name: string, hash: string): string | undefined {
  if (isReserved(name)) return 'a name may not begin with $ or @; the line is left out'
  if (hash === '') return 'there is no password hash; the account can not log in'
  if (costClassOf(hash) === undefined)
    return 'the password hash is of an unsupported kind; the account can not log in'
  return undefined
}

/** A hash of the cost that most entries have, so that a name that is not there takes as long as one that is. */
function mostCommonHash(entries: readonly PasswordEntry[]): string | undefined {
  const classes = Map.groupBy(entries, ({ hash }) => costClassOf(hash))
  classes.delete(undefined)
  const largest = [...classes.values()].toSorted((one, other) => other.length - one.length)[0]
  return largest?.[0]?.hash
}
