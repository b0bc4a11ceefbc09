// The policy that grants make: additive, in any order; what nothing grants is refused.
import type { Action } from '../oci/scope.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import { compileGroups, GrantError, Principals, type Grant, type Groups } from './grants.ts'
import type { Identity } from './identity.ts'
import { parsePattern } from './patterns.ts'
import type { Policy } from './policy.ts'
import { RepositoryRules } from './repository-rules.ts'

export interface GrantsPolicyOptions {
  /** Names of accounts by group. */
  readonly groups?: Readonly<Record<string, readonly string[]>> | undefined
  readonly grants: readonly Grant[]
}

/** Compiles grants into a policy that never changes. Throws {@link GrantError} for the first that can not stand. */
export function createPolicy(options: GrantsPolicyOptions): Policy {
  const groups = compileGroups(options.groups ?? {})
  const rules = new RepositoryRules()
  const catalog = new Principals()
  const admin = new Principals()
  let wantsLogin = false
  for (const [index, grant] of options.grants.entries()) {
    const path = ['grants', index]
    catalog.add(grant.catalog ?? [], groups, [...path, 'catalog'])
    admin.add(grant.admin ?? [], groups, [...path, 'admin'])
    wantsLogin = addRepositoryGrant(grant, rules, groups, path) || wantsLogin
  }
  const grants = (identity: Identity, action: Action, repository: RepositoryName): boolean =>
    rules.some(repository, identity.name, (rule) => rule[action].includes(identity))
  return {
    grants,
    allows: (identity, action, repository) =>
      isWithinCeiling(identity, action, repository) && grants(identity, action, repository),
    grantsCatalog: (identity) => catalog.includes(identity),
    allowsCatalog: (identity) => isCatalogWithinCeiling(identity) && catalog.includes(identity),
    // No scope of a token speaks of administration.
    allowsAdmin: (identity) => identity.ceiling === undefined && admin.includes(identity),
    wantsLogin: wantsLogin || catalog.wantsLogin || admin.wantsLogin,
  }
}

/** Tells whether it makes a difference to be logged in. */
function addRepositoryGrant(
  grant: Grant,
  rules: RepositoryRules,
  groups: Groups,
  path: (string | number)[],
): boolean {
  const { repositories, pull = [], push = [], delete: deletes = [] } = grant
  checkShape(grant, path)
  let wantsLogin = false
  for (const [index, text] of (repositories ?? []).entries()) {
    const rule = rules.ruleOf(parsePatternAt(text, [...path, 'repositories', index]))
    rule.pull.add(pull, groups, [...path, 'pull'])
    rule.pull.add(push, groups, [...path, 'push'])
    rule.push.add(push, groups, [...path, 'push'])
    rule.delete.add(deletes, groups, [...path, 'delete'])
    wantsLogin ||= rule.pull.wantsLogin || rule.delete.wantsLogin
  }
  return wantsLogin
}

/** A grant that looks as if it said more than it does is a mistake. */
function checkShape(grant: Grant, path: (string | number)[]): void {
  const hasActions = [grant.pull, grant.push, grant.delete].some((principals) => principals?.length)
  if (hasActions && !grant.repositories?.length)
    throw new GrantError(path, 'a grant of pull, push or delete must name its repositories')
  if (!hasActions && grant.repositories?.length)
    throw new GrantError(
      [...path, 'repositories'],
      'repositories are named, but no pull, push or delete is granted',
    )
}

function parsePatternAt(text: string, path: (string | number)[]): readonly string[] {
  try {
    return parsePattern(text)
  } catch (cause) {
    throw new GrantError(path, cause instanceof Error ? cause.message : 'the pattern is not valid', { cause })
  }
}

function isWithinCeiling({ ceiling }: Identity, action: Action, repository: RepositoryName): boolean {
  if (ceiling === undefined) return true
  return ceiling.some(
    (scope) => scope.type === 'repository' && scope.name === repository && scope.actions.has(action),
  )
}

function isCatalogWithinCeiling({ ceiling }: Identity): boolean {
  return ceiling === undefined || ceiling.some((scope) => scope.type === 'catalog')
}
