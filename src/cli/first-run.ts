// The account of the first run, so that the built-in defaults can be logged in to.
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { hashPassword } from '../auth/hash-password.ts'
import { createFileOnce } from '../storage/file-once.ts'
import { generatePassword } from './new-password.ts'

/** An account as it is told to the operator, once. */
export interface CreatedAccount {
  readonly name: string
  readonly password: string
}

/**
 * Makes the password file with one account and a random password, of which only the hash is kept. Does nothing, and
 * answers undefined, when the file exists, also when another process is making it right now.
 */
export async function ensureAdminAccount(
  htpasswdFile: string,
  name: string,
): Promise<CreatedAccount | undefined> {
  if (await exists(htpasswdFile)) return undefined
  const password = generatePassword()
  const line = `${name}:${await hashPassword(password)}\n`
  await mkdir(dirname(htpasswdFile), { recursive: true })
  const kept = await createFileOnce(htpasswdFile, line, 0o600)
  return kept === line ? { name, password } : undefined
}

async function exists(file: string): Promise<boolean> {
  try {
    await stat(file)
    return true
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false
    throw error
  }
}
