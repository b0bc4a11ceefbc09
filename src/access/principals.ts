// Who is given something: the principals of any number of grants, compiled for look-up.
import type { Caller } from './caller.ts'
import { checkName, GrantError, isFromElsewhere, type Groups, type Permission } from './grants.ts'
import type { Identity } from './identity.ts'
import type { Networks } from './networks.ts'

/** One word of one grant: what a decision rests on. */
export interface Clause {
  /** The grant's position among the grants. */
  readonly grant: number
  /** As it is written there: `push`, where that implies the pull that was asked for. */
  readonly word: Permission
  /** Where the grant stands in the configuration. */
  readonly line: number | undefined
  /** Where callers have to come from; undefined: anywhere. */
  readonly networks: Networks | undefined
}

/** Those without a condition first. */
type Clauses = Clause[]

/** A set of callers, united from any number of clauses. A look-up costs the same, however many there are. */
export class Principals {
  readonly #configured: Groups
  readonly #everyone: Clauses = []
  readonly #authenticated: Clauses = []
  readonly #names = new Map<string, Clauses>()
  readonly #groups = new Map<string, Clauses>()
  /** Groups that identities come with, as `ldap:ops`: apart from those of the configuration. */
  readonly #foreignGroups = new Map<string, Clauses>()

  constructor(groups: Groups) {
    this.#configured = groups
  }

  /** A clause that the caller is in, undefined when there is none. */
  find({ identity: { name, groups }, address }: Caller): Clause | undefined {
    const open = firstThatHolds(this.#everyone, address)
    if (open || name === undefined) return open
    return (
      firstThatHolds(this.#authenticated, address) ??
      firstThatHolds(this.#names.get(name), address) ??
      firstOfGroups(this.#groups, this.#configured.groupsOf(name), address) ??
      firstOfGroups(this.#foreignGroups, groups, address)
    )
  }

  /** Whether being logged in makes a difference. */
  get wantsLogin(): boolean {
    if (this.#authenticated.length + this.#names.size + this.#foreignGroups.size > 0) return true
    return [...this.#groups.keys()].some((group) => (this.#configured.membersOf(group)?.size ?? 0) > 0)
  }

  /** Throws {@link GrantError} at `path` for a word or a group that is not known. */
  add(principals: readonly string[], clause: Clause, path: readonly (string | number)[]): void {
    for (const [index, principal] of principals.entries())
      addClause(this.#clausesOf(principal, [...path, index]), clause)
  }

  /** Every principal as it is written, with what it is given by. */
  *entries(): Generator<readonly [principal: string, clauses: readonly Clause[]]> {
    yield ['$anonymous', this.#everyone]
    yield ['$authenticated', this.#authenticated]
    yield* this.#names
    for (const groups of [this.#groups, this.#foreignGroups])
      for (const [group, clauses] of groups) yield [`@${group}`, clauses]
  }

  #clausesOf(principal: string, path: readonly (string | number)[]): Clauses {
    if (principal === '$anonymous') return this.#everyone
    if (principal === '$authenticated') return this.#authenticated
    if (!principal.startsWith('@')) return clausesAt(this.#names, checkName(principal, path))
    const group = principal.slice(1)
    if (isFromElsewhere(group)) return clausesAt(this.#foreignGroups, group)
    if (this.#configured.membersOf(group)) return clausesAt(this.#groups, group)
    throw new GrantError(path, `the group ${JSON.stringify(group)} is not defined`)
  }
}

/** Whether a principal as it is written speaks of an identity. */
export function isAmong(principal: string, { name, groups }: Identity, configured: Groups): boolean {
  if (principal === '$anonymous') return true
  if (name === undefined) return false
  if (principal === '$authenticated') return true
  if (!principal.startsWith('@')) return principal === name
  const group = principal.slice(1)
  const isMember = isFromElsewhere(group) ? groups?.includes(group) : configured.membersOf(group)?.has(name)
  return isMember === true
}

function clausesAt(map: Map<string, Clauses>, key: string): Clauses {
  const clauses = map.get(key) ?? []
  map.set(key, clauses)
  return clauses
}

function addClause(clauses: Clauses, clause: Clause): void {
  if (clause.networks !== undefined) clauses.push(clause)
  // Where one without a condition holds, another one adds nothing.
  else if (clauses[0] === undefined || clauses[0].networks !== undefined) clauses.unshift(clause)
}

function firstThatHolds(clauses: Clauses | undefined, address: string | undefined): Clause | undefined {
  if (clauses === undefined) return undefined
  for (const clause of clauses)
    if (clause.networks === undefined || clause.networks.includes(address)) return clause
  return undefined
}

function firstOfGroups(
  clauses: ReadonlyMap<string, Clauses>,
  groups: readonly string[] | undefined,
  address: string | undefined,
): Clause | undefined {
  if (groups === undefined || clauses.size === 0) return undefined
  for (const group of groups) {
    const clause = firstThatHolds(clauses.get(group), address)
    if (clause) return clause
  }
  return undefined
}
