// The token realm: short-lived opaque tokens for what an account, or nobody in particular, may pull.
import { randomBytes } from 'node:crypto'
import { formatScope, parseScopes, type RepositoryScope } from '../../../src/oci/scope.ts'
import { errorReply, jsonReply, type HubRequest, type Reply } from './exchange.ts'

/** What a token stands for. */
export interface Grant {
  /** Undefined: anonymous. */
  readonly account: string | undefined
  /** Repositories it may pull. */
  readonly repositories: ReadonlySet<string>
}

export interface TokenRealmOptions {
  readonly service: string
  /** Name → password. */
  readonly accounts: Readonly<Record<string, string>>
  /** Whether an account, or the public, may pull a repository. */
  readonly mayPull: (account: string | undefined, repository: string) => boolean
  readonly ttlSeconds: number
}

/** Issues tokens and knows them again (Docker token specification; POST as OAuth2 has it). */
export class TokenRealm {
  readonly #options: TokenRealmOptions
  readonly #tokens = new Map<string, Grant & { expiresAt: number }>()

  constructor(options: TokenRealmOptions) {
    this.#options = options
  }

  readonly handle = (request: HubRequest): Reply => {
    const asked = askedFor(request)
    if (!asked) return errorReply(404, 'UNSUPPORTED', 'only GET and POST /token are served')
    const { credentials, scopes } = asked
    if (credentials && !this.#isAccount(credentials))
      return jsonReply(401, { details: 'incorrect username or password' })
    const account = credentials?.username
    const granted = parseScopes(scopes).filter((scope) => this.#isGranted(account, scope))
    return jsonReply(
      200,
      this.#issue(
        account,
        granted.filter((scope) => scope.type === 'repository'),
      ),
    )
  }

  /** The grant behind an `Authorization` header; undefined when it is no token of ours, or expired. */
  verify(authorization: string | undefined): Grant | undefined {
    const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1]
    const grant = token === undefined ? undefined : this.#tokens.get(token)
    return grant && grant.expiresAt > Date.now() ? grant : undefined
  }

  /** Makes every token issued up to now invalid. */
  expireAll(): void {
    this.#tokens.clear()
  }

  /** The challenge of a 401 (RFC 6750 §3). */
  challenge(realm: string, repository: string | undefined, error?: string): string {
    const scope = repository === undefined ? undefined : `repository:${repository}:pull`
    const parameters = { realm, service: this.#options.service, scope, error }
    const given = Object.entries(parameters).filter(([, value]) => value !== undefined)
    return `Bearer ${given.map(([key, value]) => `${key}="${value}"`).join(',')}`
  }

  #isAccount({ username, password }: Credentials): boolean {
    return Object.hasOwn(this.#options.accounts, username) && this.#options.accounts[username] === password
  }

  #isGranted(account: string | undefined, scope: ReturnType<typeof parseScopes>[number]): boolean {
    return scope.type === 'repository' && this.#options.mayPull(account, scope.name)
  }

  #issue(account: string | undefined, scopes: readonly RepositoryScope[]): object {
    const { ttlSeconds } = this.#options
    const token = `hub-${randomBytes(24).toString('base64url')}`
    const repositories = new Set(scopes.filter(({ actions }) => actions.has('pull')).map(({ name }) => name))
    this.#tokens.set(token, { account, repositories, expiresAt: Date.now() + ttlSeconds * 1000 })
    return {
      token,
      access_token: token,
      expires_in: ttlSeconds,
      issued_at: new Date().toISOString(),
      scope: scopes.map(formatScope).join(' '),
    }
  }
}

interface Credentials {
  readonly username: string
  readonly password: string
}

interface Asked {
  readonly credentials: Credentials | undefined
  readonly scopes: readonly string[]
}

function askedFor({ method, path, headers, body }: HubRequest): Asked | undefined {
  const url = new URL(path, 'http://hub')
  if (url.pathname !== '/token') return undefined
  if (method === 'GET')
    return { credentials: basicOf(headers.authorization), scopes: url.searchParams.getAll('scope') }
  if (method !== 'POST') return undefined
  const form = new URLSearchParams(body)
  const credentials = { username: form.get('username') ?? '', password: form.get('password') ?? '' }
  return { credentials, scopes: form.getAll('scope') }
}

function basicOf(authorization: string | undefined): Credentials | undefined {
  const encoded = /^Basic (.+)$/i.exec(authorization ?? '')?.[1]
  if (encoded === undefined) return undefined
  const [username = '', ...password] = Buffer.from(encoded, 'base64').toString().split(':')
  return { username, password: password.join(':') }
}
