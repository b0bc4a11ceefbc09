// What a token may be given of what was asked for.
import type { Scope } from '../oci/scope.ts'
import type { Caller } from './caller.ts'
import type { Policy } from './policy.ts'

/**
 * The asked scopes cut down to what the grants of now, and the identity's ceiling, allow. A scope of which nothing is
 * left is left out: that is a smaller token, not a failure (Docker token specification, "Requesting a token").
 */
export function grantedScopes(policy: Policy, caller: Caller, asked: readonly Scope[]): Scope[] {
  return asked.flatMap((scope): Scope[] => {
    if (scope.type === 'catalog') return policy.allowsCatalog(caller) ? [scope] : []
    const actions = [...scope.actions].filter((action) => policy.allows(caller, action, scope.name))
    return actions.length > 0 ? [{ ...scope, actions: new Set(actions) }] : []
  })
}
