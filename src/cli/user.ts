// `dockgate user`: the accounts of the password file. A gateway that runs takes every change over at once.
import { mkdir, readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Command } from 'commander'
import { hashPassword } from '../auth/hash-password.ts'
import { editHtpasswd, hashIn, removeEntry, setEntry } from '../auth/htpasswd-edit.ts'
import { parseHtpasswd } from '../auth/htpasswd.ts'
import { costClassOf } from '../auth/password-hash.ts'
import { loadConfig } from '../config/load.ts'
import { readIfThere } from '../storage/file-once.ts'
import { endTokensOf } from './end-tokens.ts'
import { nearby } from './nearby.ts'
import { readNewPassword, type PasswordSource } from './new-password.ts'
import { counted, print } from './output.ts'

const EXAMPLES = `
The password file is that of the configuration (auth.htpasswd), or --file, which is made when it does not exist.
Passwords are kept as bcrypt hashes of cost 12, which Apache, nginx and registry:2 verify too.

Examples:
  dockgate user add alice                                  asks for the password twice
  dockgate user add ci --generate                          makes one up, and prints it this one time
  pass show registry | dockgate user passwd alice --password-stdin
  dockgate user add alice --file config/htpasswd
  dockgate user list --json`

interface FileOptions {
  readonly config?: string
  readonly file?: string
  readonly realm?: string
}

type PasswordOptions = FileOptions & PasswordSource
type ListOptions = FileOptions & { readonly json?: true }

export function addUserCommand(program: Command): void {
  const command = program
    .command('user')
    .description('the accounts of the password file')
    .addHelpText('after', EXAMPLES)
  withPassword(withFile(command.command('add')))
    .description('add an account')
    .action(add)
  withPassword(withFile(command.command('passwd')))
    .description('give an account a new password, which ends the tokens of the old one')
    .action(changePassword)
  withFile(command.command('remove'))
    .description('remove accounts, which ends their tokens')
    .argument('<names...>')
    .action(remove)
  withFile(command.command('list'))
    .description('list accounts, and what is wrong with their hashes')
    .option('--json', 'print JSON')
    .action(list)
}

function withFile(command: Command): Command {
  return command
    .option('-c, --config <file>', 'the configuration; without one, the built-in defaults')
    .option('-f, --file <file>', 'the password file, in place of that of a configuration')
    .option('--realm <name>', 'which of several password files of the configuration')
}

function withPassword(command: Command): Command {
  return command
    .argument('<name>')
    .option('--password-stdin', 'read the password from standard input')
    .option('--generate', 'make a password up, and print it')
}

async function add(name: string, options: PasswordOptions): Promise<void> {
  const check = (text: string) => {
    if (hashIn(text, name) === undefined) return
    throw new Error(
      `there is an account ${JSON.stringify(name)} already: dockgate user passwd changes its password`,
    )
  }
  await setPassword(name, options, { check, done: 'is made' })
}

async function changePassword(name: string, options: PasswordOptions): Promise<void> {
  const check = (text: string) => requireAccount(text, name)
  await setPassword(name, options, { check, done: 'has a new password' })
}

/** `check` throws when the file's text forbids it. */
async function setPassword(
  name: string,
  options: PasswordOptions,
  { check, done }: { readonly check: (text: string) => void; readonly done: string },
): Promise<void> {
  const file = await fileOf(options)
  // Before anybody is asked for a password that is not wanted.
  check(await readFile(file, 'utf8').catch(() => ''))
  setEntry('', name, '')
  const password = await readNewPassword(options)
  const hash = await hashPassword(password)
  await mkdir(dirname(file), { recursive: true })
  await editHtpasswd(file, (text) => {
    check(text)
    return setEntry(text, name, hash)
  })
  process.stderr.write(`account ${JSON.stringify(name)} in ${nearby(file)} ${done}\n`)
  if (options.generate) print(password)
}

/** All of them or none: a mistyped name must not go unnoticed. */
async function remove(names: readonly string[], options: FileOptions): Promise<void> {
  const file = await fileOf(options)
  await requireFile(file)
  await editHtpasswd(file, (text) => {
    for (const name of names) requireAccount(text, name)
    return names.reduce(removeEntry, text)
  })
  process.stderr.write(`${counted(names.length, 'account')} removed from ${nearby(file)}\n`)
  // With --file nothing is known of a store of tokens.
  if (options.file !== undefined) return
  const ended = await endTokensOf(names, await loadConfig(options.config, process.env), file)
  if (ended > 0) process.stderr.write(`${counted(ended, 'access token')} revoked\n`)
}

async function list(options: ListOptions): Promise<void> {
  const file = await fileOf(options)
  const { entries, problems, weak } = parseHtpasswd(await requireFile(file))
  const accounts = [...entries.values()].map(({ name, hash }) => ({
    name,
    hash: costClassOf(hash) ?? null,
    problem: [...problems, ...weak].find((each) => each.name === name)?.message ?? null,
  }))
  if (options.json) return print(JSON.stringify(accounts, null, 2))
  for (const { name, hash, problem } of accounts)
    print([name, hash ?? 'no usable hash', ...(problem === null ? [] : [problem])].join('; '))
}

/** Rejects with one line that says what to do. */
async function requireFile(file: string): Promise<string> {
  const text = await readIfThere(file)
  if (text !== undefined) return text
  throw new Error(`there is no password file ${nearby(file)}: dockgate user add makes it`)
}

function requireAccount(text: string, name: string): void {
  if (hashIn(text, name) === undefined)
    throw new Error(`there is no account ${JSON.stringify(name)}: dockgate user list tells them`)
}

/** Rejects with one line that says what to write. */
async function fileOf({ config, file, realm }: FileOptions): Promise<string> {
  if (file !== undefined) return resolve(file)
  const { auth } = await loadConfig(config, process.env)
  const files = realm === undefined ? auth.htpasswd : auth.htpasswd.filter((each) => each.realm === realm)
  const [only, another] = files
  if (only && !another) return only.file
  const realms = auth.htpasswd.flatMap((each) => (each.realm === undefined ? [] : [each.realm]))
  throw new Error(
    realms.length > 0
      ? `which password file? Name it by --file, or by --realm: ${realms.join(', ')}`
      : 'the configuration has no password file (auth.htpasswd): name one by --file',
  )
}
