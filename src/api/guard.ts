// The guard: asks auth who it is, then access whether they may, and says how to log in where that could help.
import type { IncomingMessage } from 'node:http'
import type { Authenticator } from '../auth/authenticator.ts'
import { AuthenticationBusyError, InvalidCredentialError } from '../auth/authenticator.ts'
import type { Identity } from '../access/identity.ts'
import type { Policy } from '../access/policy.ts'
import { formatChallenge } from '../oci/challenge.ts'
import { RegistryError } from '../oci/error.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import { formatScope, type Action, type Scope } from '../oci/scope.ts'

export interface GuardOptions {
  readonly authenticator: Authenticator
  readonly policy: Policy
  /** The token service clients are sent to; undefined: Basic challenges. */
  readonly tokenService: { readonly service: string } | undefined
  /** Whether anybody can log in at all: without accounts a challenge only confuses. */
  readonly hasAccounts: boolean
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
   * Who sent the request. Answers at once what was verified lately. Throws 401, with the scope of what was `wanted`, or 503.
   */
  identify(req: IncomingMessage, { origin, clientAddress, wanted }: Asking): Identity | Promise<Identity> {
    const refuse = (error: unknown) => this.#refuse(error, origin, wanted && scopeOf(wanted))
    try {
      const identity = this.#options.authenticator.authenticate(req.headers.authorization, clientAddress)
      return identity instanceof Promise ? identity.catch(refuse) : identity
    } catch (error) {
      return refuse(error)
    }
  }

  /** Challenges anonymous callers of `GET /v2/` when a login is of use: docker learns of logins only here. */
  requirePing(identity: Identity, origin: string): void {
    if (identity.method !== 'anonymous' || !this.#options.hasAccounts) return
    if (this.#options.policy.wantsLogin) throw this.#unauthorized(origin, undefined)
  }

  /** Throws 401 where logging in could help, 403 where it would not. */
  require(identity: Identity, wanted: Wanted, origin: string): void {
    const { policy } = this.#options
    const { action, repository } = wanted
    if (policy.allows(identity, action, repository)) return
    this.#deny(identity, policy.grants(identity, action, repository), scopeOf(wanted), origin)
  }

  requireCatalog(identity: Identity, origin: string): void {
    const { policy } = this.#options
    if (policy.allowsCatalog(identity)) return
    this.#deny(identity, policy.grantsCatalog(identity), { type: 'catalog' }, origin)
  }

  /** Whether a mount may take from a repository. */
  mayPull(identity: Identity, repository: RepositoryName): boolean {
    return this.#options.policy.allows(identity, 'pull', repository)
  }

  /** Whether a listing may name a repository; a token for the catalog has no scope for each of its repositories. */
  maySee(identity: Identity, repository: RepositoryName): boolean {
    return this.#options.policy.grants(identity, 'pull', repository)
  }

  #deny(identity: Identity, granted: boolean, scope: Scope, origin: string): never {
    // A token with a larger scope would do: clients fetch one when they are told so.
    if (granted) throw this.#unauthorized(origin, scope, 'insufficient_scope')
    if (identity.name === undefined && this.#options.hasAccounts) throw this.#unauthorized(origin, scope)
    throw new RegistryError('DENIED', 'the account has no grant for this', { detail: formatScope(scope) })
  }

  #refuse(failure: unknown, origin: string, scope: Scope | undefined): never {
    if (failure instanceof InvalidCredentialError)
      throw this.#unauthorized(origin, scope, 'invalid_token', failure.message)
    if (failure instanceof AuthenticationBusyError)
      throw new RegistryError('UNAVAILABLE', 'too many logins are being checked: try again shortly', {
        headers: { 'Retry-After': String(failure.retryAfterSeconds) },
      })
    throw failure
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
          realm: `${origin}/token`,
          service: tokenService.service,
          ...(scope ? { scope: formatScope(scope) } : {}),
          ...(error === undefined ? {} : { error }),
        })
      : formatChallenge('Basic', { realm: 'dockgate', charset: 'UTF-8' })
    return new RegistryError('UNAUTHORIZED', message, {
      headers: { 'WWW-Authenticate': challenge },
      ...(scope ? { detail: formatScope(scope) } : {}),
    })
  }
}

/** What a client has to ask a token for. Push implies pull, and clients pull while they push. */
function scopeOf({ action, repository }: Wanted): Scope {
  const actions: Action[] = action === 'push' ? ['pull', 'push'] : [action]
  return { type: 'repository', name: repository, actions: new Set(actions) }
}
