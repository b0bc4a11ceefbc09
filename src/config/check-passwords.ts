// What the shape alone cannot say about password files: that they can be told apart, and fit some repository.
import { refuseRepositoryPattern } from './patterns.ts'
import type { PathProblem } from './problem.ts'
import type { ConfigFile } from './schema.ts'

/** Tokens name the realm that their account is of: no two files share one. */
export function checkPasswords({ htpasswd }: ConfigFile['auth']): PathProblem[] {
  if (!Array.isArray(htpasswd)) return []
  return htpasswd.flatMap(({ realm, repositories = [] }, index) => {
    const isTaken = htpasswd.slice(0, index).some((other) => other.realm === realm)
    const message =
      realm === undefined ? 'needs a realm: an earlier file has none' : 'is the realm of an earlier file'
    return [
      ...(isTaken
        ? [{ path: ['auth', 'htpasswd', index, ...(realm === undefined ? [] : ['realm'])], message }]
        : []),
      ...repositories.flatMap((pattern, at) => {
        const refusal = refuseRepositoryPattern(pattern, { user: false })
        return refusal === undefined
          ? []
          : [{ path: ['auth', 'htpasswd', index, 'repositories', at], message: refusal }]
      }),
    ]
  })
}
