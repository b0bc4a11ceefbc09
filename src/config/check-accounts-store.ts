// What the shape alone cannot say about the place of tokens: that it is one place, and which files it names.
import type { ConfigPath, PathProblem } from './problem.ts'
import type { ConfigFile } from './schema.ts'

type Auth = Pick<ConfigFile['auth'], 'accounts'>

export function checkAccountStore({ accounts }: Auth): PathProblem[] {
  const path: ConfigPath = ['auth', 'accounts', 'postgres']
  if (accounts?.file !== undefined && accounts.postgres !== undefined)
    return [{ path, message: 'is one place of the tokens, file another: leave one out' }]
  const { url, passwordFile } = accounts?.postgres ?? {}
  if (url !== undefined && passwordFile !== undefined && new URL(url).password !== '')
    return [{ path: [...path, 'passwordFile'], message: 'is one password, url holds another: leave one out' }]
  return []
}

/** The files that must be there. */
export function accountStoreFiles({ accounts }: Auth): [ConfigPath, string | undefined][] {
  const path: ConfigPath = ['auth', 'accounts', 'postgres']
  return [
    [[...path, 'passwordFile'], accounts?.postgres?.passwordFile],
    [[...path, 'ca'], accounts?.postgres?.ca],
  ]
}
