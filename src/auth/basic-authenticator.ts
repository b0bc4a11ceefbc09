// Basic credentials: passport decides an unseen one by asking the backends in turn, a cache answers from then on.
import { callbackify } from 'node:util'
import passport from 'passport'
import type { Identity } from '../access/identity.ts'
import { UnknownLoginError, type Authenticator, type Source } from './authenticator.ts'
import { networkOf } from './client-network.ts'
import { StrictBasicStrategy, type BasicRequest } from './basic-strategy.ts'
import type { Login } from './login-backend.ts'
import type { Place } from './realm.ts'
import { VerifiedCredentials, type Verdict } from './verified-credentials.ts'

export interface BasicAuthenticatorOptions {
  /** See {@link LoginBackend.check}. */
  readonly logins: { check(login: Login): Promise<Verdict | undefined> }
  /** One text for all places where the same logins are good; by default they are so everywhere. */
  readonly keyAt?: (place: Place) => string
}

export class BasicAuthenticator implements Authenticator {
  readonly #passport = new passport.Passport()
  readonly #verified = new VerifiedCredentials()
  readonly #keyAt: (place: Place) => string

  constructor({ logins, keyAt = () => '' }: BasicAuthenticatorOptions) {
    this.#keyAt = keyAt
    const check = callbackify(({ source = {} }: BasicRequest, name: string, password: string) => {
      const { address, host, repository, isLenient } = source
      const network = address === undefined ? undefined : networkOf(address)
      return logins.check({ name, password, network, host, repository, isLenient })
    })
    this.#passport.use(new StrictBasicStrategy(check))
  }

  authenticate(authorization = '', source: Source = {}): Identity | Promise<Identity> {
    // What was found good by one realm says nothing in another one.
    const key = this.#keyAt(source) + authorization
    return this.#verified.identify(key, () => this.#decide(authorization, source))
  }

  async #decide(authorization: string, source: Source): Promise<Verdict> {
    const verdict = await this.#askPassport({ headers: { authorization }, source })
    if (!verdict) throw new UnknownLoginError('the name or the password is wrong')
    return verdict
  }

  /** passport is made for a request, a response and what comes next; of these the header alone is needed here. */
  #askPassport(request: BasicRequest): Promise<Verdict | undefined> {
    return new Promise((resolve, reject) => {
      const decided = (error: Error | null, verdict: Verdict | false | undefined): void =>
        error ? reject(error) : resolve(verdict || undefined)
      const ask: (request: BasicRequest, response: object, next: (error: Error) => void) => void =
        this.#passport.authenticate('basic', { session: false }, decided)
      ask(request, {}, reject)
    })
  }
}
