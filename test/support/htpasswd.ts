// Password files, written by Apache's own htpasswd.
import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { searchPath } from './programs.ts'
import { temporaryFolder, type Scope } from './scope.ts'

export type PasswordHash = 'bcrypt' | 'apr1' | 'sha1' | 'crypt' | 'plain'

const FLAGS: Readonly<Record<PasswordHash, readonly string[]>> = {
  bcrypt: ['-B', '-C', '5'],
  apr1: ['-m'],
  sha1: ['-s'],
  crypt: ['-d'],
  plain: ['-p'],
}

/** One line of a password file, `alice:$2y$05$…`. bcrypt has cost 5, as `htpasswd -B` has. */
export async function htpasswdLine(
  user: string,
  password: string,
  hash: PasswordHash = 'bcrypt',
): Promise<string> {
  const { stdout } = await promisify(execFile)('htpasswd', ['-nb', ...FLAGS[hash], user, password], {
    env: { ...process.env, PATH: searchPath() },
  })
  return stdout.trim()
}

/** Writes a password file of `users` (name → password) and answers its path. */
export async function writeHtpasswd(
  t: Scope,
  users: Readonly<Record<string, string>>,
  hash: PasswordHash = 'bcrypt',
): Promise<string> {
  const path = join(await temporaryFolder(t), 'htpasswd')
  const lines = await Promise.all(Object.entries(users).map(([name, word]) => htpasswdLine(name, word, hash)))
  await writeFile(path, `${lines.join('\n')}\n`)
  return path
}
