// The accounts of a password file as a login backend.
import { InvalidCredentialError } from './authenticator.ts'
import type { PasswordEntry } from './htpasswd.ts'
import type { Login, LoginBackend } from './login-backend.ts'
import { costClassOf } from './password-hash.ts'
import type { Realm } from './realm.ts'
import type { Verdict } from './verified-credentials.ts'

const VERDICT_LIFE_MS = 5 * 60_000

/** The accounts of now. */
export interface Passwords {
  get(name: string): PasswordEntry | undefined
  /** A hash that an unknown user's password is checked against, so that it costs as much as a known one's. */
  readonly decoy: string | undefined
}

export interface HtpasswdBackendOptions {
  /** Default `htpasswd`. */
  readonly name?: string
  readonly realm?: Realm | undefined
  readonly passwords: Passwords
  readonly verifier: { verify(password: string, hash: string, source?: string): Promise<boolean> }
  /** Replaces weak hashes when their password is known; by default they stay. */
  readonly upgrade?: HashReplacement | undefined
}

/** See {@link HashUpgrade.replace}. */
interface HashReplacement {
  replace(entry: PasswordEntry, password: string): Promise<string | undefined>
}

/** A verified credential is forgotten as soon as its account's entry has changed or gone. */
export class HtpasswdBackend implements LoginBackend {
  readonly name: string
  readonly realm: Realm | undefined
  readonly hasLastingLogins = true
  readonly #passwords: Passwords
  readonly #verifier: HtpasswdBackendOptions['verifier']
  readonly #upgrade: HashReplacement | undefined

  constructor({ name = 'htpasswd', realm, passwords, verifier, upgrade }: HtpasswdBackendOptions) {
    this.name = name
    this.realm = realm
    this.#passwords = passwords
    this.#verifier = verifier
    this.#upgrade = upgrade
  }

  /** Takes as long for an entry whose hash nothing here can verify. */
  async check(login: Login): Promise<Verdict | undefined> {
    const entry = this.#passwords.get(login.name)
    if (!entry) return undefined
    const isRight =
      costClassOf(entry.hash) !== undefined
        ? await this.#verifier.verify(login.password, entry.hash, login.network)
        : await this.checkDecoy(login)
    if (!isRight) throw new InvalidCredentialError('the name or the password is wrong')
    // Before the answer: tokens got with the weak hash would end when it goes.
    const hash = (await this.#upgrade?.replace(entry, login.password)) ?? entry.hash
    return {
      identity: { name: entry.name, method: 'basic', account: { backend: this.name, key: entry.name } },
      lifeMs: VERDICT_LIFE_MS,
      stillHolds: () => this.#passwords.get(entry.name)?.hash === hash,
    }
  }

  /** Never true, even for the decoy's own password. */
  async checkDecoy({ password, network }: Login): Promise<false> {
    const { decoy } = this.#passwords
    if (decoy !== undefined) await this.#verifier.verify(password, decoy, network)
    return false
  }

  stateOf(key: string): string | undefined {
    return this.#passwords.get(key)?.hash
  }
}
