// The account of the first run, so that the built-in defaults can be logged in to.
import { randomInt } from 'node:crypto'
import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import bcrypt from 'bcrypt'
import { createFileOnce } from '../server/file-once.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'
/** 22 letters out of 62 are 131 bits. */
const PASSWORD_LENGTH = 22
const BCRYPT_COST = 10

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
  const password = Array.from({ length: PASSWORD_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join(
    '',
  )
  const line = `${name}:${await hashPassword(password)}\n`
  await mkdir(dirname(htpasswdFile), { recursive: true })
  const kept = await createFileOnce(htpasswdFile, line, 0o600)
  return kept === line ? { name, password } : undefined
}

/** In the dialect that Apache, nginx and registry:2 read too. */
async function hashPassword(password: string): Promise<string> {
  return (await bcrypt.hash(password, BCRYPT_COST)).replace(/^\$2b\$/, '$2y$')
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
