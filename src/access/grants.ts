// Grants as they are written down, and the groups that they name.
import type { Action } from '../oci/scope.ts'

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
  /** Addresses and CIDR ranges that callers have to come from; undefined: anywhere. */
  readonly from?: readonly string[] | undefined
  /** Where it stands in the configuration; for those who are told what decided. */
  readonly line?: number | undefined
}

/** What a grant can give. */
export type Permission = Action | 'catalog' | 'admin'

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

/** The groups of the configuration, by group and by member. */
export class Groups {
  readonly #members = new Map<string, ReadonlySet<string>>()
  readonly #groups = new Map<string, string[]>()

  /** Groups hold names of accounts only. Throws {@link GrantError} for anything else. */
  constructor(groups: Readonly<Record<string, readonly string[]>>) {
    for (const [group, members] of Object.entries(groups)) {
      if (isFromElsewhere(group))
        throw new GrantError(['groups', group], 'a name with a colon is for groups from elsewhere')
      this.#members.set(group, new Set(members))
      for (const [index, member] of members.entries())
        this.#of(checkName(member, ['groups', group, index])).push(group)
    }
  }

  /** Undefined when there is no such group. */
  membersOf(group: string): ReadonlySet<string> | undefined {
    return this.#members.get(group)
  }

  /** What an account is a member of. */
  groupsOf(name: string): readonly string[] | undefined {
    return this.#groups.get(name)
  }

  #of(member: string): string[] {
    const groups = this.#groups.get(member) ?? []
    this.#groups.set(member, groups)
    return groups
  }
}

/**
 * Whether a group is one that identities come with: `ldap:ops`. Such a name carries its source, so that nobody who can
 * make groups over there makes one that the configuration speaks of.
 */
export function isFromElsewhere(group: string): boolean {
  return /^[^:]+:./.test(group)
}

export function checkName(name: string, path: readonly (string | number)[]): string {
  if (name !== '' && !/^[$@]/.test(name)) return name
  throw new GrantError(
    path,
    `${JSON.stringify(name)} is not a principal; write an account's name, @group, $authenticated or $anonymous`,
  )
}
