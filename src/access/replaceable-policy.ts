// A policy that a reload replaces while requests are being decided.
import type { Action } from '../oci/scope.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Identity } from './identity.ts'
import type { Policy } from './policy.ts'

/** Decides as the policy that was set last; each decision is made by one policy as a whole. */
export class ReplaceablePolicy implements Policy {
  #current: Policy

  constructor(policy: Policy) {
    this.#current = policy
  }

  replace(policy: Policy): void {
    this.#current = policy
  }

  allows(identity: Identity, action: Action, repository: RepositoryName): boolean {
    return this.#current.allows(identity, action, repository)
  }

  grants(identity: Identity, action: Action, repository: RepositoryName): boolean {
    return this.#current.grants(identity, action, repository)
  }

  allowsCatalog(identity: Identity): boolean {
    return this.#current.allowsCatalog(identity)
  }

  grantsCatalog(identity: Identity): boolean {
    return this.#current.grantsCatalog(identity)
  }

  allowsAdmin(identity: Identity): boolean {
    return this.#current.allowsAdmin(identity)
  }

  get wantsLogin(): boolean {
    return this.#current.wantsLogin
  }
}
