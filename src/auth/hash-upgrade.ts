// Gives an account whose hash is weak a strong one when its password is known, which is at a login.
import { hashPassword } from './hash-password.ts'
import { editHtpasswd, hashIn, setEntry } from './htpasswd-edit.ts'
import type { PasswordEntry } from './htpasswd.ts'
import { inspectHash } from './password-hash.ts'

/** bcrypt reads no more: of a longer password it would let the rest be anything. */
const MAX_PASSWORD_BYTES = 72
/** After the file could not be written, so that the logins of everybody do not pay for it. */
const PAUSE_MS = 10 * 60_000

export interface HashUpgradeOptions {
  /** The password file. */
  readonly path: string
  /** Told whose hash has been replaced; the file should be read again before the login goes on. */
  readonly onUpgrade: (name: string) => Promise<void>
  /** Told why a hash has not been replaced. Nothing is tried for ten minutes then. */
  readonly onError: (error: unknown) => void
}

export class HashUpgrade {
  readonly #options: HashUpgradeOptions
  #pausedUntil = 0
  #isBusy = false

  constructor(options: HashUpgradeOptions) {
    this.#options = options
  }

  /**
   * The hash that stands in the file now in place of the entry's, for a password that is known to be right; undefined when
   * the entry stays, because it is strong, somebody else has changed it, the file can not be written, or another one is
   * being replaced right now.
   */
  async replace({ name, hash }: PasswordEntry, password: string): Promise<string | undefined> {
    if (inspectHash(hash).weakness === undefined || Buffer.byteLength(password) > MAX_PASSWORD_BYTES)
      return undefined
    // One at a time: a crowd that logs in must not take the thread pool. The others' turn comes at their next login.
    if (this.#isBusy || Date.now() < this.#pausedUntil) return undefined
    this.#isBusy = true
    try {
      const strong = await hashPassword(password)
      if (!(await this.#write(name, hash, strong))) return undefined
      await this.#options.onUpgrade(name)
      return strong
    } catch (error) {
      this.#pausedUntil = Date.now() + PAUSE_MS
      this.#options.onError(error)
      return undefined
    } finally {
      this.#isBusy = false
    }
  }

  /** False when the file does not have the old hash any more. */
  async #write(name: string, weak: string, strong: string): Promise<boolean> {
    let isWritten = false
    await editHtpasswd(this.#options.path, (text) => {
      isWritten = hashIn(text, name) === weak
      return isWritten ? setEntry(text, name, strong) : text
    })
    return isWritten
  }
}
