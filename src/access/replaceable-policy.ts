// A policy that a reload replaces while requests are being decided.
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

  allows: Policy['allows'] = (...asked) => this.#current.allows(...asked)
  clauseFor: Policy['clauseFor'] = (...asked) => this.#current.clauseFor(...asked)
  allowsCatalog: Policy['allowsCatalog'] = (caller) => this.#current.allowsCatalog(caller)
  catalogClauseFor: Policy['catalogClauseFor'] = (caller) => this.#current.catalogClauseFor(caller)
  adminClauseFor: Policy['adminClauseFor'] = (caller) => this.#current.adminClauseFor(caller)
  explain: Policy['explain'] = (...asked) => this.#current.explain(...asked)

  get wantsLogin(): boolean {
    return this.#current.wantsLogin
  }
}
