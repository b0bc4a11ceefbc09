// What a token or a realm is limited to. It never grants anything: the grants of now decide within it.
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Action, Scope } from '../oci/scope.ts'

export interface Ceiling {
  allows(action: Action, repository: RepositoryName): boolean
  readonly allowsCatalog: boolean
  /** Whether a listing that is allowed may name the repository. */
  lists(repository: RepositoryName): boolean
  /** Of how many parts it is made; for those who remember many. */
  readonly size: number
}

/** The ceiling of a Bearer token: what was asked for and granted when it was issued. */
export class ScopesCeiling implements Ceiling {
  readonly scopes: readonly Scope[]
  readonly allowsCatalog: boolean

  constructor(scopes: readonly Scope[]) {
    this.scopes = scopes
    this.allowsCatalog = scopes.some(({ type }) => type === 'catalog')
  }

  get size(): number {
    return this.scopes.length
  }

  /** A token for the catalog has no scope for each of its repositories. */
  lists(): boolean {
    return true
  }

  allows(action: Action, repository: RepositoryName): boolean {
    return this.scopes.some(
      (scope) => scope.type === 'repository' && scope.name === repository && scope.actions.has(action),
    )
  }
}

/** What both allow. */
export function lowestCeiling(one: Ceiling, other: Ceiling | undefined): Ceiling {
  if (!other) return one
  return {
    allows: (action, repository) => one.allows(action, repository) && other.allows(action, repository),
    allowsCatalog: one.allowsCatalog && other.allowsCatalog,
    lists: (repository) => one.lists(repository) && other.lists(repository),
    size: one.size + other.size,
  }
}
