// The contract of authorization: pure decisions from the grants of now.
import type { Action } from '../oci/scope.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Caller } from './caller.ts'
import type { Explanation, Question } from './explain.ts'
import type { Clause } from './principals.ts'

/** Decides who may do what. Nothing granted is refused; a token's ceiling only narrows. */
export interface Policy {
  /** Whether the grants allow it within the identity's ceiling. */
  allows(caller: Caller, action: Action, repository: RepositoryName): boolean
  /** What grants it without regard to the ceiling: then a new token with the right scope helps. Undefined: nothing. */
  clauseFor(caller: Caller, action: Action, repository: RepositoryName): Clause | undefined
  /** Whether the caller may list repositories; the list holds only what it may pull. */
  allowsCatalog(caller: Caller): boolean
  /** What grants listing without regard to the ceiling. */
  catalogClauseFor(caller: Caller): Clause | undefined
  /** What lets the caller use the admin API and the console; a token with a ceiling never does. */
  adminClauseFor(caller: Caller): Clause | undefined
  /** Whether some grant needs a login: then `GET /v2/` challenges anonymous callers. */
  readonly wantsLogin: boolean
  /** Why it is decided as it is. For people: it costs more than deciding. */
  explain(caller: Caller, question: Question): Explanation
}
