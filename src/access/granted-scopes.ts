// What a token may be given of what was asked for.
import type { Scope } from '../oci/scope.ts'
import type { Identity } from './identity.ts'
import type { Policy } from './policy.ts'

/**
 * The asked scopes cut down to what the grants of now, and the identity's ceiling, allow. A scope of which nothing is
 * left is left out: that is a smaller token, not a failure (Docker token specification, "Requesting a token").
 */
export function grantedScopes(policy: Policy, identity: Identity, asked: readonly Scope[]): Scope[] {
  return asked.flatMap((scope): Scope[] => {
    if (scope.type === 'catalog') return policy.allowsCatalog(identity) ? [scope] : []
    const actions = [...scope.actions].filter((action) => policy.allows(identity, action, scope.name))
    return actions.length > 0 ? [{ ...scope, actions: new Set(actions) }] : []
  })
}
