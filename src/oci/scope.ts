// Scopes: what a Bearer token allows (Docker token specification, "Requesting a token": scope).
import { parseRepositoryName, type RepositoryName } from './repository-name.ts'

/** What may be done to a repository. `push` includes nothing by itself here: a grant of push implies pull, a scope does not. */
export type Action = 'pull' | 'push' | 'delete'

/** `repository:<name>:pull,push`. */
export interface RepositoryScope {
  readonly type: 'repository'
  readonly name: RepositoryName
  readonly actions: ReadonlySet<Action>
}

/** `registry:catalog:*`. */
export interface CatalogScope {
  readonly type: 'catalog'
}

export type Scope = RepositoryScope | CatalogScope

const ACTIONS: readonly Action[] = ['pull', 'push', 'delete']

/**
 * Parses scope strings, each of which may hold several separated by spaces (containerd). Scopes of one repository
 * are united; `*` means every action; whatever is not understood asks for nothing and is left out.
 */
export function parseScopes(texts: readonly string[]): Scope[] {
  const repositories = new Map<RepositoryName, Set<Action>>()
  let catalog = false
  for (const text of texts.flatMap((line) => line.split(' '))) {
    const match = /^(repository|registry)(?:\([a-z0-9]+\))?:(.+):([^:]*)$/.exec(text)
    if (!match) continue
    const [, type, resource = '', actions = ''] = match
    if (type === 'registry') catalog ||= resource === 'catalog' && actions === '*'
    else addActions(repositories, resource, actions)
  }
  const scopes: Scope[] = [...repositories].map(([name, actions]) => ({ type: 'repository', name, actions }))
  return catalog ? [...scopes, { type: 'catalog' }] : scopes
}

function addActions(repositories: Map<RepositoryName, Set<Action>>, resource: string, actions: string): void {
  const name = parseRepositoryName(resource)
  if (name === undefined) return
  const known = repositories.get(name) ?? new Set<Action>()
  for (const action of actions.split(','))
    for (const each of ACTIONS) if (action === each || action === '*') known.add(each)
  repositories.set(name, known)
}

/** The form that challenges and tokens carry. */
export function formatScope(scope: Scope): string {
  if (scope.type === 'catalog') return 'registry:catalog:*'
  return `repository:${scope.name}:${[...scope.actions].join(',')}`
}
