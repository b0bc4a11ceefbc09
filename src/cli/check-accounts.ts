// Accounts that the configuration names and that nobody can log in as: most likely mistyped, maybe only made later.
import { readFile } from 'node:fs/promises'
import { parseHtpasswd } from '../auth/htpasswd.ts'
import type { Config } from '../config/config.ts'
import { formatPath, type ConfigPath } from '../config/problem.ts'
import { suggestion } from '../config/suggest.ts'
import { nearby } from './nearby.ts'

/** One line for each account in grants and groups that the password file does not have. */
export async function checkAccounts({ access, auth }: Config): Promise<string[]> {
  const accounts = await accountNames(auth)
  if (accounts === undefined) return []
  const where =
    auth.htpasswd.length > 0
      ? auth.htpasswd.map(({ file }) => nearby(file)).join(', ')
      : 'auth, which has no htpasswd'
  const groups = [...auth.groups.keys()].map((group) => `@${group}`)
  const granted = [...accounts, ...groups, '$anonymous', '$authenticated']
  const unknown = (path: ConfigPath, name: string, known: readonly string[]) =>
    isOfPasswordFile(name) && !accounts.includes(name)
      ? [`${formatPath(path)}: no account ${JSON.stringify(name)} in ${where}${suggestion(name, known)}`]
      : []
  return [
    ...[...auth.groups].flatMap(([group, members]) =>
      members.flatMap((name, at) => unknown(['auth', 'groups', group, at], name, accounts)),
    ),
    ...access.flatMap((grant, index) =>
      (['pull', 'push', 'delete', 'catalog', 'admin'] as const).flatMap((action) =>
        grant[action].flatMap((name, at) => unknown(['access', index, action, at], name, granted)),
      ),
    ),
  ]
}

/** Undefined when a password file will only be made by the first start. */
async function accountNames({ htpasswd }: Config['auth']): Promise<string[] | undefined> {
  const names: string[] = []
  for (const { file } of htpasswd) {
    const text = await readFile(file, 'utf8').catch(() => undefined)
    if (text === undefined) return undefined
    names.push(...parseHtpasswd(text).entries.keys())
  }
  return names
}

/** Neither `$everyone` nor `@group`, nor from elsewhere as `ldap:bob` is. */
function isOfPasswordFile(principal: string): boolean {
  return !/^[$@]|:/.test(principal)
}
