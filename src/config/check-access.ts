// What the shape alone cannot say about grants: that they name principals and patterns that can exist.
import { refuseRepositoryPattern } from './patterns.ts'
import type { ConfigPath, PathProblem } from './problem.ts'
import type { ConfigFile } from './schema.ts'
import { suggestion } from './suggest.ts'

type Grant = ConfigFile['access'][number]

const REPOSITORY_ACTIONS = ['pull', 'push', 'delete'] as const
const OTHER_ACTIONS = ['catalog', 'admin'] as const
const SPECIAL = ['$anonymous', '$authenticated']

/** Every grant grants something, to principals that are defined. */
export function checkGrants({ access, auth }: Pick<ConfigFile, 'access' | 'auth'>): PathProblem[] {
  return access.flatMap((grant, index) => {
    const path: ConfigPath = ['access', index]
    return [
      ...checkCompleteness(grant, path),
      ...grant.repositories.flatMap((pattern, position) => {
        const message = refuseRepositoryPattern(pattern, { user: true })
        return message === undefined ? [] : [{ path: [...path, 'repositories', position], message }]
      }),
      ...[...REPOSITORY_ACTIONS, ...OTHER_ACTIONS].flatMap((action) =>
        grant[action].flatMap((principal, position) => {
          const message = refusePrincipal(principal, auth.groups)
          return message === undefined ? [] : [{ path: [...path, action, position], message }]
        }),
      ),
    ]
  })
}

function checkCompleteness(grant: Grant, path: ConfigPath): PathProblem[] {
  const actions = REPOSITORY_ACTIONS.filter((action) => grant[action].length > 0)
  const [first] = actions
  if (first !== undefined && grant.repositories.length === 0)
    return [{ path: [...path, first], message: 'needs repositories: the names that it is granted for' }]
  if (first === undefined && grant.repositories.length > 0)
    return [{ path, message: 'grants nothing on its repositories: add pull, push or delete' }]
  if (first === undefined && OTHER_ACTIONS.every((action) => grant[action].length === 0))
    return [{ path, message: 'grants nothing' }]
  return []
}

function refusePrincipal(principal: string, groups: ConfigFile['auth']['groups']): string | undefined {
  // `@ldap:ops`: what identities come with is not known here.
  if (/^@[^:]+:./.test(principal)) return undefined
  if (principal.startsWith('@')) {
    if (Object.hasOwn(groups, principal.slice(1))) return undefined
    const known = Object.keys(groups).map((group) => `@${group}`)
    return `no group ${JSON.stringify(principal)} in auth.groups${suggestion(principal, known) || enumeration(known)}`
  }
  if (!principal.startsWith('$') || SPECIAL.includes(principal)) return undefined
  return `unknown principal ${JSON.stringify(principal)}${suggestion(principal, SPECIAL) || enumeration(SPECIAL)}`
}

const FEW = 5

/** `; there are … and …`, where that is short. */
function enumeration(known: readonly string[]): string {
  if (known.length === 0) return '; there are none'
  if (known.length > FEW) return ''
  return `; there ${known.length === 1 ? 'is' : 'are'} ${new Intl.ListFormat('en').format(known)}`
}
