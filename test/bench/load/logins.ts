// Logins that nobody remembers: each with an account of its own, whose password was never checked before.
import { hash } from 'bcrypt'
import { send } from '../../support/http.ts'
import { setTimeout as pause } from 'node:timers/promises'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { htpasswdLine, type PasswordHash } from '../../support/htpasswd.ts'
import { temporaryFolder, type Scope } from '../../support/scope.ts'
import { ACCOUNT } from '../system.ts'

const PASSWORD = 'the same for all of them'

/** A password file with {@link ACCOUNT} and `count` accounts whose hash is bcrypt of that cost. */
export async function writeManyAccounts(
  t: Scope,
  { count, cost, accountHash = 'bcrypt' }: { count: number; cost: number; accountHash?: PasswordHash },
): Promise<string> {
  const file = join(await temporaryFolder(t), 'htpasswd')
  const shared = (await hash(PASSWORD, cost)).replace('$2b$', '$2y$')
  const many = Array.from({ length: count }, (_, index) => `${nameOf(index)}:${shared}`)
  const first = await htpasswdLine(ACCOUNT.username, ACCOUNT.password, accountHash)
  await writeFile(file, `${[first, ...many].join('\n')}\n`)
  return file
}

export interface LoginOptions {
  readonly url: string
  readonly ca: string
  /** The next account that has not logged in. */
  readonly next: () => number
  /** Ends the logins; those under way are let finish. */
  readonly signal: AbortSignal
}

/** Logs in every `everyMs`, whether the one before is through or not. Answers how many there were. */
export async function loginSteadily(options: LoginOptions, everyMs: number): Promise<number> {
  const logins: Promise<void>[] = []
  while (!options.signal.aborted) {
    logins.push(loginOnce(options))
    await pause(everyMs, undefined, { signal: options.signal }).catch(() => undefined)
  }
  await Promise.all(logins)
  return logins.length
}

/** So many clients log in again and again. Answers how many logins there were. */
export async function loginByCrowd(options: LoginOptions, clients: number): Promise<number> {
  let logins = 0
  const client = async (): Promise<void> => {
    for (; !options.signal.aborted; logins += 1) await loginOnce(options)
  }
  await Promise.all(Array.from({ length: clients }, client))
  return logins
}

async function loginOnce({ url, ca, next }: LoginOptions): Promise<void> {
  const username = nameOf(next())
  const { status } = await send(`${url}/v2/`, { ca, account: { username, password: PASSWORD } })
  if (status !== 200) throw new Error(`the login of ${username} was answered ${status}`)
}

function nameOf(index: number): string {
  return `login-${index}`
}
