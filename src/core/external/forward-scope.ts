// What a forwarded request does at the core, as the scope of the token that it needs there.
import { parseRepositoryName } from '../../oci/repository-name.ts'
import { formatScope, type Action, type Scope } from '../../oci/scope.ts'
import type { ForwardRoute } from '../forwarder.ts'

/** Of several scopes, each allows one repository; they are separated by spaces. */
export function forwardScope(route: ForwardRoute): string {
  if (route.kind === 'blob') return formatScope(scopeOf(route.repository, 'pull'))
  const scopes = [scopeOf(route.repository, 'pull', 'push')]
  // A mount takes from another repository.
  const from = route.kind === 'upload-start' ? new URLSearchParams(route.query).get('from') : null
  const source = parseRepositoryName(from ?? '')
  if (source !== undefined && source !== route.repository) scopes.push(scopeOf(source, 'pull'))
  return scopes.map(formatScope).join(' ')
}

function scopeOf(name: ForwardRoute['repository'], ...actions: Action[]): Scope {
  return { type: 'repository', name, actions: new Set(actions) }
}
