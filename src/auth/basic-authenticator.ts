// Basic credentials against a password file: passport decides an unseen one, a cache answers from then on.
import { callbackify } from 'node:util'
import passport from 'passport'
import type { Identity } from '../access/identity.ts'
import { InvalidCredentialError, type Authenticator } from './authenticator.ts'
import { networkOf } from './client-network.ts'
import { StrictBasicStrategy, type BasicRequest } from './basic-strategy.ts'
import type { PasswordEntry } from './htpasswd.ts'
import { costClassOf } from './password-hash.ts'
import { VerifiedCredentials, type Verdict } from './verified-credentials.ts'

const VERDICT_LIFE_MS = 5 * 60_000

/** The accounts of now. */
export interface Passwords {
  get(name: string): PasswordEntry | undefined
  has(name: string): boolean
  /** A hash that an unknown user's password is checked against, so that it costs as much as a known one's. */
  readonly decoy: string | undefined
}

export interface BasicAuthenticatorOptions {
  readonly passwords: Passwords
  readonly verifier: { verify(password: string, hash: string, source?: string): Promise<boolean> }
}

/** A verified credential is forgotten as soon as its account's entry has changed or gone. */
export class BasicAuthenticator implements Authenticator {
  readonly #passwords: Passwords
  readonly #verifier: BasicAuthenticatorOptions['verifier']
  readonly #passport = new passport.Passport()
  readonly #verified = new VerifiedCredentials()

  constructor({ passwords, verifier }: BasicAuthenticatorOptions) {
    this.#passwords = passwords
    this.#verifier = verifier
    const check = callbackify(({ source }: BasicRequest, name: string, password: string) =>
      this.#check(name, password, source),
    )
    this.#passport.use(new StrictBasicStrategy(check))
  }

  authenticate(authorization: string, source?: string): Identity | Promise<Identity> {
    return this.#verified.identify(authorization, () => this.#decide(authorization, source))
  }

  async #decide(authorization: string, source: string | undefined): Promise<Verdict> {
    const network = source === undefined ? undefined : networkOf(source)
    const entry = await this.#askPassport({ headers: { authorization }, source: network })
    if (!entry) throw new InvalidCredentialError('the name or the password is wrong')
    return {
      identity: { name: entry.name, method: 'basic' },
      lifeMs: VERDICT_LIFE_MS,
      stillHolds: () => this.#passwords.get(entry.name)?.hash === entry.hash,
    }
  }

  /** passport is made for a request, a response and what comes next; of these the header alone is needed here. */
  #askPassport(request: BasicRequest): Promise<PasswordEntry | undefined> {
    return new Promise((resolve, reject) => {
      const decided = (error: Error | null, entry: PasswordEntry | false | undefined): void =>
        error ? reject(error) : resolve(entry || undefined)
      const ask: (request: BasicRequest, response: object, next: (error: Error) => void) => void =
        this.#passport.authenticate('basic', { session: false }, decided)
      ask(request, {}, reject)
    })
  }

  /** The entry that name and password open. Takes as long when there is no such name. */
  async #check(name: string, password: string, source?: string): Promise<PasswordEntry | undefined> {
    const entry = this.#passwords.get(name)
    const isUsable = entry !== undefined && costClassOf(entry.hash) !== undefined
    const hash = isUsable ? entry.hash : this.#passwords.decoy
    const matches = hash !== undefined && (await this.#verifier.verify(password, hash, source))
    return isUsable && matches ? entry : undefined
  }
}
