// Which repository a token is asked for: accounts may exist for some repositories alone.
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { Scope } from '../../oci/scope.ts'

/** Of several the one that is pushed to: clients ask for the source of a mount as well. Undefined for none. */
export function wantedRepository(
  scopes: readonly Scope[],
  canonicalName: (name: RepositoryName) => RepositoryName,
): RepositoryName | undefined {
  const ofRepositories = scopes.filter((scope) => scope.type === 'repository')
  const wanted = ofRepositories.find(({ actions }) => actions.has('push')) ?? ofRepositories[0]
  try {
    return wanted && canonicalName(wanted.name)
  } catch {
    return undefined // a name that means nothing here asks for nothing
  }
}
