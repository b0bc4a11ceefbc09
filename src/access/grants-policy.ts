// The policy that grants make: additive, in any order; what nothing grants is refused.
import type { Action } from '../oci/scope.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { Caller } from './caller.ts'
import { explain, type Question } from './explain.ts'
import { GrantError, Groups, type Grant, type Permission } from './grants.ts'
import type { Identity } from './identity.ts'
import { Networks } from './networks.ts'
import { parsePattern } from './patterns.ts'
import type { Policy } from './policy.ts'
import { Principals, type Clause } from './principals.ts'
import { RepositoryRules } from './repository-rules.ts'

export interface GrantsPolicyOptions {
  /** Names of accounts by group. */
  readonly groups?: Readonly<Record<string, readonly string[]>> | undefined
  readonly grants: readonly Grant[]
}

/** Compiles grants into a policy that never changes. Throws {@link GrantError} for the first that can not stand. */
export function createPolicy({ groups: written = {}, grants }: GrantsPolicyOptions): Policy {
  const groups = new Groups(written)
  const rules = new RepositoryRules(groups)
  const catalog = new Principals(groups)
  const admin = new Principals(groups)
  let wantsLogin = false
  for (const [index, grant] of grants.entries()) {
    const compiled = new GrantCompiler(grant, index)
    compiled.addTo(catalog, 'catalog')
    compiled.addTo(admin, 'admin')
    wantsLogin = compiled.addToRules(rules) || wantsLogin
  }
  const clauseFor: Policy['clauseFor'] = (caller, action, repository) =>
    rules.find(repository, caller.identity.name, (rule) => rule[action].find(caller))
  const allows: Policy['allows'] = (caller, action, repository) =>
    isWithinCeiling(caller.identity, action, repository) &&
    clauseFor(caller, action, repository) !== undefined
  const policy: Omit<Policy, 'explain'> = {
    clauseFor,
    allows,
    catalogClauseFor: (caller) => catalog.find(caller),
    allowsCatalog: (caller) => isCatalogWithinCeiling(caller.identity) && catalog.find(caller) !== undefined,
    // No scope of a token speaks of administration.
    adminClauseFor: (caller) => (caller.identity.ceiling === undefined ? admin.find(caller) : undefined),
    wantsLogin: wantsLogin || catalog.wantsLogin || admin.wantsLogin,
  }
  return {
    ...policy,
    explain: (caller, question) => {
      const about = { rules, groups, catalog, admin, allows: allows.bind(undefined, caller) }
      return explain({ ...about, ...decide(policy, admin, caller, question) }, caller, question)
    },
  }
}

type Decisions = Pick<
  Policy,
  'allows' | 'clauseFor' | 'allowsCatalog' | 'catalogClauseFor' | 'adminClauseFor'
>

function decide(policy: Decisions, admin: Principals, caller: Caller, question: Question) {
  const { action, repository } = question
  if (repository !== undefined)
    return {
      allowed: policy.allows(caller, action, repository),
      clause: policy.clauseFor(caller, action, repository),
    }
  if (action === 'catalog')
    return { allowed: policy.allowsCatalog(caller), clause: policy.catalogClauseFor(caller) }
  return { allowed: policy.adminClauseFor(caller) !== undefined, clause: admin.find(caller) }
}

/** Puts one grant into what decides. */
class GrantCompiler {
  readonly #grant: Grant
  readonly #index: number
  readonly #path: readonly (string | number)[]
  readonly #networks: Networks | undefined

  constructor(grant: Grant, index: number) {
    this.#grant = grant
    this.#index = index
    this.#path = ['grants', index]
    checkShape(grant, this.#path)
    this.#networks = grant.from && this.#compileNetworks(grant.from)
  }

  /** Tells whether it makes a difference to be logged in. */
  addToRules(rules: RepositoryRules): boolean {
    const clauses = { pull: this.#clause('pull'), push: this.#clause('push'), delete: this.#clause('delete') }
    const { pull = [], push = [], delete: deletes = [], repositories = [] } = this.#grant
    let wantsLogin = false
    for (const [index, text] of repositories.entries()) {
      const rule = rules.ruleOf(parsePatternAt(text, [...this.#path, 'repositories', index]))
      rule.pull.add(pull, clauses.pull, [...this.#path, 'pull'])
      rule.pull.add(push, clauses.push, [...this.#path, 'push'])
      rule.push.add(push, clauses.push, [...this.#path, 'push'])
      rule.delete.add(deletes, clauses.delete, [...this.#path, 'delete'])
      wantsLogin ||= rule.pull.wantsLogin || rule.delete.wantsLogin
    }
    return wantsLogin
  }

  addTo(principals: Principals, word: 'catalog' | 'admin'): void {
    principals.add(this.#grant[word] ?? [], this.#clause(word), [...this.#path, word])
  }

  #clause(word: Permission): Clause {
    return { grant: this.#index, word, line: this.#grant.line, networks: this.#networks }
  }

  #compileNetworks(from: readonly string[]): Networks {
    try {
      return new Networks(from)
    } catch (cause) {
      throw new GrantError([...this.#path, 'from'], messageOf(cause), { cause })
    }
  }
}

/** A grant that looks as if it said more than it does is a mistake. */
function checkShape(grant: Grant, path: readonly (string | number)[]): void {
  const hasActions = [grant.pull, grant.push, grant.delete].some((principals) => principals?.length)
  if (hasActions && !grant.repositories?.length)
    throw new GrantError(path, 'a grant of pull, push or delete must name its repositories')
  if (!hasActions && grant.repositories?.length)
    throw new GrantError(
      [...path, 'repositories'],
      'repositories are named, but no pull, push or delete is granted',
    )
  if (grant.from?.length === 0)
    throw new GrantError([...path, 'from'], 'names no address: nobody comes from there')
}

function parsePatternAt(text: string, path: readonly (string | number)[]): readonly string[] {
  try {
    return parsePattern(text)
  } catch (cause) {
    throw new GrantError(path, messageOf(cause), { cause })
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function isWithinCeiling({ ceiling }: Identity, action: Action, repository: RepositoryName): boolean {
  return ceiling === undefined || ceiling.allows(action, repository)
}

function isCatalogWithinCeiling({ ceiling }: Identity): boolean {
  return ceiling === undefined || ceiling.allowsCatalog
}
