// Grants as they are written down, and the principals they name, compiled for look-up.
import type { Identity } from './identity.ts'

/** One grant. A principal is an account's name, `@group`, `$authenticated` (any account) or `$anonymous` (everyone). */
export interface Grant {
  /** Patterns of repository names that `pull`, `push` and `delete` speak of. */
  readonly repositories?: readonly string[] | undefined
  readonly pull?: readonly string[] | undefined
  /** Implies pull. */
  readonly push?: readonly string[] | undefined
  readonly delete?: readonly string[] | undefined
  /** Who may list repositories: each sees what it may pull. */
  readonly catalog?: readonly string[] | undefined
  /** Who may use the admin API and the console; implies nothing else. */
  readonly admin?: readonly string[] | undefined
}

/** A grant or group that can not stand; `path` leads to it: `['grants', 2, 'pull', 0]`. */
export class GrantError extends Error {
  override readonly name = 'GrantError'
  readonly code = 'GRANT_INVALID'
  readonly path: readonly (string | number)[]
  constructor(path: readonly (string | number)[], message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.path = path
  }
}

/** A set of callers, united from any number of grants. */
export class Principals {
  #everyone = false
  #authenticated = false
  readonly #names = new Set<string>()

  includes(identity: Identity): boolean {
    if (this.#everyone) return true
    return identity.name !== undefined && (this.#authenticated || this.#names.has(identity.name))
  }

  /** Whether being logged in makes a difference. */
  get wantsLogin(): boolean {
    return this.#authenticated || this.#names.size > 0
  }

  /** Throws {@link GrantError} at `path` for a word or a group that is not known. */
  add(principals: readonly string[], groups: Groups, path: readonly (string | number)[]): void {
    for (const [index, principal] of principals.entries()) {
      if (principal === '$anonymous') this.#everyone = true
      else if (principal === '$authenticated') this.#authenticated = true
      else if (principal.startsWith('@')) this.#addGroup(principal.slice(1), groups, [...path, index])
      else this.#names.add(checkName(principal, [...path, index]))
    }
  }

  #addGroup(group: string, groups: Groups, path: readonly (string | number)[]): void {
    const members = groups.get(group)
    if (!members) throw new GrantError(path, `the group ${JSON.stringify(group)} is not defined`)
    for (const member of members) this.#names.add(member)
  }
}

export type Groups = ReadonlyMap<string, readonly string[]>

/** Groups hold names of accounts only. Throws {@link GrantError} for anything else. */
export function compileGroups(groups: Readonly<Record<string, readonly string[]>>): Groups {
  for (const [group, members] of Object.entries(groups))
    for (const [index, member] of members.entries()) checkName(member, ['groups', group, index])
  return new Map(Object.entries(groups))
}

function checkName(name: string, path: readonly (string | number)[]): string {
  if (name !== '' && !/^[$@]/.test(name)) return name
  throw new GrantError(
    path,
    `${JSON.stringify(name)} is not a principal; write an account's name, @group, $authenticated or $anonymous`,
  )
}
