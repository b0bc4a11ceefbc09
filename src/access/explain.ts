// Why something is allowed or refused, out of the same compiled rules that decide.
import type { Action } from '../oci/scope.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Caller } from './caller.ts'
import type { Groups, Permission } from './grants.ts'
import { isAmong, type Clause, type Principals } from './principals.ts'
import type { RepositoryRules } from './repository-rules.ts'

export type Question =
  | { readonly action: Action; readonly repository: RepositoryName }
  | { readonly action: 'catalog' | 'admin'; readonly repository?: undefined }

/** A part of a grant, as people read it. */
export interface ExplainedClause {
  /** The grant's position among the grants, from 0. */
  readonly grant: number
  /** In the configuration file. */
  readonly line?: number
  /** `push` where a push implies the pull that was asked for. */
  readonly word: Permission
  readonly principal: string
  /** The pattern that the repository matches; absent for catalog and admin. */
  readonly pattern?: string
  readonly from?: readonly string[]
}

export interface Explanation {
  readonly allowed: boolean
  /** What grants it. A grant can be there and not be enough: see `isBeyondCeiling`. */
  readonly granted?: ExplainedClause
  /** Granted, but more than the token that was presented is for. */
  readonly isBeyondCeiling?: true
  /** Grants that would do from another address. */
  readonly fromElsewhere: readonly ExplainedClause[]
  /** Grants of the same on the same to others. */
  readonly toOthers: readonly ExplainedClause[]
  /** What the caller may do to the repository instead. */
  readonly instead: readonly Action[]
}

const ACTIONS: readonly Action[] = ['pull', 'push', 'delete']
/** Of each kind of clause that is told. */
const MAX_TOLD = 20

/** What decides, and how it decided. */
export interface Decided {
  readonly rules: RepositoryRules
  readonly groups: Groups
  readonly catalog: Principals
  readonly admin: Principals
  readonly allows: (action: Action, repository: RepositoryName) => boolean
  /** The decision itself: an explanation only puts it into words. */
  readonly allowed: boolean
  /** What grants it, without regard to the ceiling. */
  readonly clause: Clause | undefined
}

export function explain(decided: Decided, caller: Caller, question: Question): Explanation {
  const { allowed, clause, groups, allows } = decided
  const candidates = candidatesOf(decided, caller, question)
  const isMine = ({ principal }: Candidate) => isAmong(principal, caller.identity, groups)
  const granted = clause && candidates.find((each) => each.clause === clause && isMine(each))
  if (granted) {
    const beyond = allowed ? {} : ({ isBeyondCeiling: true } as const)
    return { allowed, granted: told(granted), ...beyond, fromElsewhere: [], toOthers: [], instead: [] }
  }
  const { repository } = question
  const tell = (some: readonly Candidate[]) => some.slice(0, MAX_TOLD).map(told)
  return {
    allowed,
    fromElsewhere: tell(candidates.filter(isMine)),
    toOthers: tell(candidates.filter((each) => !isMine(each))),
    instead: repository === undefined ? [] : ACTIONS.filter((action) => allows(action, repository)),
  }
}

interface Candidate {
  readonly clause: Clause
  readonly principal: string
  readonly pattern?: string
}

/** Every clause that speaks of what is asked, whoever it speaks of. */
function candidatesOf({ rules, catalog, admin }: Decided, caller: Caller, question: Question): Candidate[] {
  const { action, repository } = question
  if (repository === undefined) return clausesIn(action === 'catalog' ? catalog : admin)
  const candidates: Candidate[] = []
  rules.find(repository, caller.identity.name, (rule) => {
    for (const each of clausesIn(rule[action])) candidates.push({ ...each, pattern: rule.pattern })
    return undefined
  })
  return candidates
}

function clausesIn(principals: Principals): Candidate[] {
  return [...principals.entries()].flatMap(([principal, clauses]) =>
    clauses.map((clause) => ({ clause, principal })),
  )
}

function told({ clause: { grant, line, word, networks }, principal, pattern }: Candidate): ExplainedClause {
  return {
    grant,
    ...(line === undefined ? {} : { line }),
    word,
    principal,
    ...(pattern === undefined ? {} : { pattern }),
    ...(networks === undefined ? {} : { from: networks.ranges }),
  }
}
