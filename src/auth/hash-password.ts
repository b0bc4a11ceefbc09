// How a new password is hashed.
import bcrypt from 'bcrypt'

/** 2^12 rounds, about 200 ms of one core. */
const BCRYPT_COST = 12

/**
 * A hash that dockgate, Apache, nginx and registry:2 verify: bcrypt, of the password's first 72 bytes. Computed off the event
 * loop.
 */
export async function hashPassword(password: string): Promise<string> {
  const hash = await bcrypt.hash(password, BCRYPT_COST)
  // The others know the algorithm by PHP's name for it.
  return hash.replace(/^\$2b\$/, '$2y$')
}
