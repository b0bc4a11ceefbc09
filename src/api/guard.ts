// The guard: asks auth who it is, then access whether they may, and says how to log in where that could help.
import type { IncomingMessage } from 'node:http'
import type { Authenticator } from '../auth/authenticator.ts'
import { InvalidCredentialError } from '../auth/authenticator.ts'
import type { Place } from '../auth/realm.ts'
import { undecidedLogin } from '../auth/undecided-login.ts'
import type { Caller } from '../access/caller.ts'
import type { Identity } from '../access/identity.ts'
import type { Policy } from '../access/policy.ts'
import type { Clause } from '../access/principals.ts'
import { formatChallenge } from '../oci/challenge.ts'
import { RegistryError } from '../oci/error.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import { formatScope, type Action, type Scope } from '../oci/scope.ts'

export interface GuardOptions {
  readonly authenticator: Authenticator
  readonly policy: Policy
  /** The token service clients are sent to; undefined: Basic challenges. */
  readonly tokenService: { readonly service: string; readonly realm?: string | undefined } | undefined
  /** Who showed a certificate when the connection was opened; asked for requests without `Authorization`. */
  readonly certificateOf?: ((req: IncomingMessage) => Identity | undefined) | undefined
  /** What a Basic challenge calls the accounts there are; by default `dockgate`. */
  readonly realmAt?: (place: Place) => string
  /** Whether anybody can log in at all: without accounts a challenge only confuses. */
  readonly hasAccounts: boolean
  /** `GET /v2/` challenges anonymous callers whatever the grants say: there is something to log in for elsewhere. */
  readonly alwaysChallengesPing?: boolean
  /** Who may not pull from a repository is told that there is none, whether there is one or not. */
  readonly hidesRepositories?: boolean
}

/** What a request is about to do. */
export interface Wanted {
  readonly action: Action
  readonly repository: RepositoryName
}

/** What is known of a request before it is known who sent it. */
export interface Asking {
  readonly origin: string
  readonly clientAddress: string
  /** Undefined where no repository is concerned. */
  readonly wanted: Wanted | undefined
}

export class Guard {
  readonly #options: GuardOptions

  constructor(options: GuardOptions) {
    this.#options = options
  }

  /**
   * Who sent the request. Answers at once what was verified lately. Throws 401, with the scope of what was `wanted`, 429 or 503.
   */
  identify(req: IncomingMessage, { origin, clientAddress, wanted }: Asking): Identity | Promise<Identity> {
    try {
      const { authorization, host } = req.headers
      const shown = authorization === undefined ? this.#options.certificateOf?.(req) : undefined
      if (shown) return shown
      const source = { address: clientAddress, host, repository: wanted?.repository }
      const identity = this.#options.authenticator.authenticate(authorization, source)
      if (!(identity instanceof Promise)) return identity
      return identity.catch((error: unknown) => this.#refuse(error, origin, wanted))
    } catch (error) {
      return this.#refuse(error, origin, wanted)
    }
  }

  // Refusals are answered and not thrown: every client begins with one or two, and a throw would be a third of their costs.

  /** Challenges anonymous callers of `GET /v2/` when a login is of use: docker learns of logins only here. */
  refusalOfPing(identity: Identity, origin: string): RegistryError | undefined {
    if (identity.method !== 'anonymous' || !this.#options.hasAccounts) return undefined
    const { policy, alwaysChallengesPing = false } = this.#options
    return policy.wantsLogin || alwaysChallengesPing ? this.#unauthorized(origin, undefined) : undefined
  }

  /** 401, for somebody who was let through, and to whom the registry behind says no as long as he is nobody there. */
  askLogin(wanted: Wanted, origin: string): RegistryError {
    return this.#unauthorized(origin, scopeOf(wanted))
  }

  /** What grants it, else 401 where logging in could help, 403 or 404 where it would not. */
  decide(caller: Caller, wanted: Wanted, origin: string): Clause | RegistryError {
    const { action, repository } = wanted
    const clause = this.#options.policy.clauseFor(caller, action, repository)
    if (clause && isWithin(caller, wanted)) return clause
    const challenge = this.#challenge(caller, clause, scopeOf(wanted), origin)
    if (challenge) return challenge
    if (this.#options.hidesRepositories === true && !this.maySee(caller, repository))
      return new RegistryError('NAME_UNKNOWN', 'no such repository', { detail: { name: repository } })
    return denied(scopeOf(wanted))
  }

  decideCatalog(caller: Caller, origin: string): Clause | RegistryError {
    const { policy } = this.#options
    const clause = policy.catalogClauseFor(caller)
    if (clause && policy.allowsCatalog(caller)) return clause
    return this.#challenge(caller, clause, { type: 'catalog' }, origin) ?? denied({ type: 'catalog' })
  }

  /** Whether a mount may take from a repository. */
  mayPull(caller: Caller, repository: RepositoryName): boolean {
    return this.#options.policy.allows(caller, 'pull', repository)
  }

  /** Whether a listing may name a repository; a token for the catalog has no scope for each of its repositories. */
  maySee(caller: Caller, repository: RepositoryName): boolean {
    const lists = caller.identity.ceiling?.lists(repository) ?? true
    return lists && this.#options.policy.clauseFor(caller, 'pull', repository) !== undefined
  }

  /** Undefined where neither another token nor a login would help. */
  #challenge(
    caller: Caller,
    clause: Clause | undefined,
    scope: Scope,
    origin: string,
  ): RegistryError | undefined {
    const hasToken = caller.identity.method === 'bearer'
    // Clients fetch a token with a larger scope when they are told so. Another ceiling stays what it is.
    const isScopeTooSmall = clause !== undefined && hasToken
    const mayLogIn = caller.identity.name === undefined && this.#options.hasAccounts
    // RFC 6750 §3.1. docker and containerd say what is wrong by it, also when the token is nobody's.
    const error = hasToken ? 'insufficient_scope' : undefined
    return isScopeTooSmall || mayLogIn ? this.#unauthorized(origin, scope, error) : undefined
  }

  #refuse(failure: unknown, origin: string, wanted: Wanted | undefined): never {
    if (failure instanceof InvalidCredentialError)
      throw this.#unauthorized(origin, wanted && scopeOf(wanted), 'invalid_token', failure.message)
    throw undecidedLogin(failure) ?? failure
  }

  #realmAt(origin: string, scope: Scope | undefined): string {
    const repository = scope?.type === 'repository' ? scope.name : undefined
    return this.#options.realmAt?.({ host: new URL(origin).host, repository }) ?? 'dockgate'
  }

  #unauthorized(
    origin: string,
    scope: Scope | undefined,
    error?: string,
    message = 'authentication is required',
  ): RegistryError {
    const { tokenService } = this.#options
    const challenge = tokenService
      ? formatChallenge('Bearer', {
          realm: tokenService.realm ?? `${origin}/token`,
          service: tokenService.service,
          ...(scope ? { scope: formatScope(scope) } : {}),
          ...(error === undefined ? {} : { error }),
        })
      : formatChallenge('Basic', { realm: this.#realmAt(origin, scope), charset: 'UTF-8' })
    return new RegistryError('UNAUTHORIZED', message, {
      headers: { 'WWW-Authenticate': challenge },
      ...(scope ? { detail: formatScope(scope) } : {}),
    })
  }
}

function isWithin({ identity: { ceiling } }: Caller, { action, repository }: Wanted): boolean {
  return ceiling === undefined || ceiling.allows(action, repository)
}

function denied(scope: Scope): RegistryError {
  return new RegistryError('DENIED', 'the account has no grant for this', { detail: formatScope(scope) })
}

/** What a client has to ask a token for. Push implies pull, and clients pull while they push. */
function scopeOf({ action, repository }: Wanted): Scope {
  const actions: Action[] = action === 'push' ? ['pull', 'push'] : [action]
  return { type: 'repository', name: repository, actions: new Set(actions) }
}
