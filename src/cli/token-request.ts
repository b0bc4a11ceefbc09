// What `dockgate token create` was asked for, out of its options: mistakes are answered with what was probably meant.
import { readFile } from 'node:fs/promises'
import {
  ownerAccount,
  ownerRobot,
  type TokenOwner,
  type TokenRequest,
} from '../auth/accounts/access-tokens.ts'
import { TOKEN_ACTIONS, type TokenAction } from '../auth/accounts/account-store.ts'
import { parseHtpasswd } from '../auth/htpasswd.ts'
import type { Config } from '../config/config.ts'
import { refuseRepositoryPattern } from '../config/patterns.ts'
import { DURATION, parseDurationMs } from '../config/quantities.ts'
import { suggestion } from '../config/suggest.ts'

export interface CreateOptions {
  readonly for: string
  readonly robot?: true
  readonly repositories: readonly string[]
  readonly can: string
  readonly expires: string
  readonly label?: string
  readonly endsWithPassword?: true
}

/** Throws with one line that says what to write. `notes` are for the asker, and no failure. */
export async function requestOf(
  options: CreateOptions,
  config: Config,
  now: Date,
): Promise<{ request: TokenRequest; notes: string[] }> {
  const files = await accountsOf(config)
  const owner = ownerOf(options, files)
  const request: TokenRequest = {
    owner,
    label: options.label,
    repositories: options.repositories.flatMap((text) => text.split(',')).map(patternOf),
    actions: options.can.split(',').map((word) => actionOf(word.trim())),
    expiresAt: expiryOf(options.expires, now),
    endsWithPassword: options.endsWithPassword,
  }
  const notes = [
    ...(owner.account || options.robot || options.for.startsWith('robot:')
      ? []
      : [
          `a robot's token: there is no account ${options.for}${suggestion(
            options.for,
            files.flatMap(({ names }) => names),
          )}`,
        ]),
    ...(isNamed(owner.name, config)
      ? []
      : [`no grant speaks of ${owner.name} yet: the token can do nothing`]),
    ...(canLogIn(config)
      ? []
      : ['nobody can log in with this configuration: write where tokens are kept as auth.accounts']),
  ]
  return { request, notes }
}

/** An account of that name, or a robot. */
function ownerOf({ for: name, robot }: CreateOptions, files: readonly PasswordAccounts[]): TokenOwner {
  return (robot ? undefined : ownerAccount(files, name)) ?? ownerRobot(name)
}

/** The accounts of a password file, as its login backend in the gateway tells them. */
interface PasswordAccounts {
  readonly name: string
  readonly names: readonly string[]
  stateOf(key: string): string | undefined
}

/** A file that is not made yet has none. */
function accountsOf({ auth }: Config): Promise<PasswordAccounts[]> {
  return Promise.all(
    auth.htpasswd.map(async ({ backend, file }) => {
      const { entries } = parseHtpasswd(await readFile(file, 'utf8').catch(() => ''))
      return { name: backend, names: [...entries.keys()], stateOf: (key) => entries.get(key)?.hash }
    }),
  )
}

function patternOf(text: string): string {
  const problem = refuseRepositoryPattern(text, { user: false })
  if (problem === undefined) return text
  const meant = text
    .toLowerCase()
    .replace(/^\/+/, '')
    .replace(/\/+$/, '/**')
    .replace(/\*{3,}/g, '**')
  const isBetter = meant !== '' && refuseRepositoryPattern(meant, { user: false }) === undefined
  throw new Error(
    `--repositories ${JSON.stringify(text)}: ${problem}${isBetter ? `; did you mean ${JSON.stringify(meant)}?` : ''}`,
  )
}

function actionOf(word: string): TokenAction {
  const action = TOKEN_ACTIONS.find((each) => each === word)
  if (action) return action
  throw new Error(
    `--can ${JSON.stringify(word)}: must be of ${TOKEN_ACTIONS.join(', ')}${suggestion(word, TOKEN_ACTIONS)}`,
  )
}

function expiryOf(text: string, now: Date): Date | undefined {
  if (text === 'never') return undefined
  if (!DURATION.test(text))
    throw new Error(`--expires ${JSON.stringify(text)}: must be a duration such as 12h or 90d, or never`)
  const expiresAt = new Date(now.getTime() + parseDurationMs(text))
  if (Number.isNaN(expiresAt.getTime())) throw new Error(`--expires ${text}: is too long; write never`)
  return expiresAt
}

/** Whether some grant means the name, by itself, by a group, or among all accounts. */
function isNamed(name: string, { access, auth }: Config): boolean {
  const groups = [...auth.groups]
    .filter(([, members]) => members.includes(name))
    .map(([group]) => `@${group}`)
  const principals = new Set([name, '$authenticated', '$anonymous', ...groups])
  return access.some((grant) =>
    [grant.pull, grant.push, grant.delete, grant.catalog].some((named) =>
      named.some((each) => principals.has(each)),
    ),
  )
}

function canLogIn({ auth }: Config): boolean {
  return (
    auth.accounts.isConfigured || auth.htpasswd.length > 0 || auth.ldap !== undefined || auth.oidc.length > 0
  )
}
