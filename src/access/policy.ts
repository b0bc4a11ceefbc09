// The contract of authorization: pure decisions from the grants of now.
import type { Action } from '../oci/scope.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Identity } from './identity.ts'

/** Decides who may do what. Nothing granted is refused; a token's ceiling only narrows. */
export interface Policy {
  /** Whether the grants allow it within the identity's ceiling. */
  allows(identity: Identity, action: Action, repository: RepositoryName): boolean
  /** Whether the grants would allow it without the ceiling: then a new token with the right scope helps. */
  grants(identity: Identity, action: Action, repository: RepositoryName): boolean
  /** Whether the identity may list repositories; the list holds only what it may pull. */
  allowsCatalog(identity: Identity): boolean
  /** Whether the grants would allow listing without the ceiling. */
  grantsCatalog(identity: Identity): boolean
  /** Whether the identity may use the admin API and the console; a token with a ceiling never may. */
  allowsAdmin(identity: Identity): boolean
  /** Whether some grant needs a login: then `GET /v2/` challenges anonymous callers. */
  readonly wantsLogin: boolean
}
