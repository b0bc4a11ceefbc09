// The contract of a place that knows accounts: a name and a password in, who it is out.
import type { Ceiling } from '../access/ceiling.ts'
import type { AccountRef } from '../access/identity.ts'
import type { Place, Realm } from './realm.ts'
import type { Verdict } from './verified-credentials.ts'

/** What somebody presents to log in. */
export interface Login extends Place {
  readonly name: string
  readonly password: string
  /** Where it comes from, for taking turns; see {@link networkOf}. Undefined: not known. */
  readonly network?: string | undefined
  /** A name that nobody has is no failure: it is not to be counted, or made as costly as one. */
  readonly isLenient?: boolean | undefined
}

/** A place that knows accounts could not be asked; others may still know the caller. */
export class BackendUnavailableError extends Error {
  override readonly name = 'BackendUnavailableError'
  readonly code = 'LOGIN_BACKEND_UNAVAILABLE'
  /** Nobody else can know the login: the others are not asked. */
  readonly isFinal: boolean
  constructor(message: string, { isFinal = false, cause }: { isFinal?: boolean; cause?: unknown } = {}) {
    super(message, { cause })
    this.isFinal = isFinal
  }
}

/** One of the places that are asked in turn who a caller is. */
export interface LoginBackend {
  /** Unique among the backends; stands in {@link AccountRef.backend} and in tokens. */
  readonly name: string
  /** Where its accounts exist; by default everywhere. It is not asked elsewhere. */
  readonly realm?: Realm | undefined
  /**
   * Undefined when the login is none of this backend's, as its name is not known here: then the next one is asked. Rejects
   * with {@link InvalidCredentialError} when it is, and is wrong; with {@link BackendUnavailableError} or
   * {@link AuthenticationBusyError} when that can not be told now.
   */
  check(login: Login): Promise<Verdict | undefined>
  /**
   * Costs what a wrong password costs. The first backend that offers it is asked when none knew the login, so that a name
   * that is not there takes as long as one that is.
   */
  checkDecoy?(login: Login): Promise<unknown>
  /**
   * What an account is now, in a word that changes whenever the Bearer tokens got with it are to end; undefined when there
   * is no such account. Asked at every use of such a token, so it must be cheap.
   */
  stateOf(key: string): string | undefined
  /**
   * Resolves when everything is known here that was known elsewhere, in another process, before the call: a token may have
   * been got there, by an account that was made a moment ago. Never rejects. By default there is nothing to wait for.
   */
  catchUp?(): Promise<void>
  /**
   * What an account is limited to at a place, beyond the realm: a Bearer token got with it is not to reach further. Throws
   * {@link InvalidCredentialError} where it does not exist. Asked at every use of such a token, too.
   */
  limitsOf?(key: string, place: Place): Ceiling
  /**
   * Its logins last until the account's state changes: then clients may trade them for refresh tokens. Default false, for
   * logins that end by themselves, or by what their state does not tell.
   */
  readonly hasLastingLogins?: boolean
}

/** The accounts of all backends, as they are now. */
export interface Accounts {
  stateOf(account: AccountRef): string | undefined
  /** See {@link LoginBackend.catchUp}. */
  catchUp?(account: AccountRef): Promise<void>
}

export interface LastingAccounts extends Accounts {
  /** See {@link LoginBackend.hasLastingLogins}. */
  lasts(account: AccountRef): boolean
}

export function accountsOf(backends: readonly LoginBackend[]): LastingAccounts {
  const byName = new Map(backends.map((backend) => [backend.name, backend]))
  return {
    stateOf: ({ backend, key }) => byName.get(backend)?.stateOf(key),
    catchUp: async ({ backend }) => byName.get(backend)?.catchUp?.(),
    lasts: ({ backend }) => byName.get(backend)?.hasLastingLogins ?? false,
  }
}
