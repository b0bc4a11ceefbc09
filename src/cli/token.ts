// `dockgate token`: access tokens of people and robots, made, listed and revoked, also while the gateway runs.
import type { Command } from 'commander'
import { createAccessToken, describeToken, type TokenDescription } from '../auth/accounts/access-tokens.ts'
import type { AccessToken, AccountStore } from '../auth/accounts/account-store.ts'
import { createAccountStore } from '../auth/accounts/create-account-store.ts'
import type { Config } from '../config/config.ts'
import { loadConfig } from '../config/load.ts'
import { counted, print } from './output.ts'
import { requestOf, type CreateOptions } from './token-request.ts'

const CREATE_EXAMPLES = `
The token is printed on standard output, now and never again. It is a password:
  docker login registry.example.com -u robot:ci

A token never allows more than the grants of its owner do at the time. --for NAME is an account of the password file: a
personal token, which ends when the account is removed. When there is no such account, and with --robot, it is for the
robot NAME, which grants call robot:NAME.

Examples:
  dockgate token create --for ci --repositories 'team-a/**' --can pull,push --expires 90d
  dockgate token create --for alice --label laptop --ends-with-password
  dockgate token create --for ci --json | jq -r .token`

const OTHER_EXAMPLES = `
Examples:
  dockgate token list --for robot:ci
  dockgate token revoke 3FvZk0bQeT5mXw8a      by its id, or by the token itself`

interface TokenOptions {
  readonly config?: string
  readonly json?: true
}

interface ListOptions extends TokenOptions {
  readonly for?: string
  readonly all?: true
}

export function addTokenCommand(program: Command): void {
  const command = program
    .command('token')
    .description('access tokens of people and robots')
    .addHelpText('after', OTHER_EXAMPLES)
  withStore(command.command('create'))
    .description('make a token')
    .requiredOption('--for <name>', 'whom it logs in: an account, or a robot')
    .option('--robot', 'a robot also where there is an account of that name')
    .option('--repositories <patterns...>', 'what it is limited to: * within one path component, ** across', [
      '**',
    ])
    .option('--can <actions>', 'of pull, push (with pull), delete, catalog', 'pull')
    .option('--expires <duration>', 'such as 12h or 90d, or never', '90d')
    .option('--label <text>', 'what it is used for')
    .option('--ends-with-password', 'it ends when the password of its account changes')
    .addHelpText('after', CREATE_EXAMPLES)
    .action(create)
  withStore(command.command('list'))
    .description('list tokens: who, what for, until when, used when')
    .option('--for <name>', 'those of one account or robot')
    .option('--all', 'also those that have expired or were revoked')
    .action(list)
  withStore(command.command('revoke'))
    .description('end tokens at once')
    .argument('<tokens...>', 'ids, or tokens')
    .action(revoke)
}

function withStore(command: Command): Command {
  return command
    .option('-c, --config <file>', 'the configuration; without one, the built-in defaults')
    .option('--json', 'print JSON')
}

async function create(options: CreateOptions & TokenOptions): Promise<void> {
  const config = await loadConfig(options.config, process.env)
  const now = new Date()
  const { request, notes } = await requestOf(options, config, now)
  const { text, token } = await withAccounts(config, (store) => createAccessToken(store, request, now))
  const description = describeToken(token, now)
  for (const note of notes) say(`note: ${note}`)
  if (options.json) return print(JSON.stringify({ token: text, ...description }, null, 2))
  say(`${describe(description)}. Shown only now:`)
  print(text)
}

async function list(options: ListOptions): Promise<void> {
  const config = await loadConfig(options.config, process.env)
  const kept = await withAccounts(config, (store) => store.listTokens())
  const tokens = kept.map((token) => describeToken(token)).filter((token) => isAskedFor(token, options))
  if (options.json) return print(JSON.stringify(tokens, null, 2))
  for (const token of tokens) {
    const used = token.lastUsedAt === null ? 'never used' : `used ${day(token.lastUsedAt)}`
    print([describe(token), used, ...(token.label === '' ? [] : [token.label])].join('; '))
  }
}

async function revoke(names: readonly string[], options: TokenOptions): Promise<void> {
  const config = await loadConfig(options.config, process.env)
  const revoked = await withAccounts(config, async (store) => {
    const found = await findAll(store, names.map(idOf))
    const now = new Date()
    return Promise.all(found.map(async ({ id }) => store.revokeToken(id, now)))
  })
  const descriptions = revoked.flatMap((token) => (token ? [describeToken(token)] : []))
  if (options.json) return print(JSON.stringify(descriptions, null, 2))
  print(`${counted(descriptions.length, 'token')} revoked`)
}

/** All of them or none: a mistyped id must not go unnoticed. */
async function findAll(store: AccountStore, ids: readonly string[]): Promise<AccessToken[]> {
  const byId = new Map((await store.listTokens()).map((token) => [token.id, token]))
  return ids.map((id) => {
    const token = byId.get(id)
    if (!token)
      throw new Error(`there is no token ${JSON.stringify(id)}: dockgate token list --all tells the ids`)
    return token
  })
}

/** Of a whole token, as it is found in a log or a repository, what is no secret. */
function idOf(text: string): string {
  return /^dg_([0-9A-Za-z]{16})(?:_|$)/.exec(text)?.[1] ?? text
}

async function withAccounts<Result>(
  { auth }: Config,
  work: (store: AccountStore) => Promise<Result>,
): Promise<Result> {
  const store = await createAccountStore(auth.accounts)
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

function isAskedFor(token: TokenDescription, { for: name, all }: ListOptions): boolean {
  return (
    (all === true || token.state === 'live') &&
    (name === undefined || [name, `robot:${name}`].includes(token.for))
  )
}

function describe({
  id,
  for: name,
  can,
  repositories,
  state,
  expiresAt,
  revokedAt,
}: TokenDescription): string {
  const what = `${can.join(', ')}${repositories.length > 0 ? ` on ${repositories.join(', ')}` : ''}`
  const ends = { live: 'until', expired: 'expired', revoked: 'revoked' }[state]
  const end = state === 'revoked' ? revokedAt : expiresAt
  return `${id} for ${name}: ${what}, ${ends} ${end === null ? 'revoked' : day(end)}`
}

function day(time: string): string {
  return time.slice(0, 10)
}

/** For people: standard output is for what scripts read. */
function say(text: string): void {
  process.stderr.write(`${text}\n`)
}
