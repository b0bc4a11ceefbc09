// The accounts of a directory (LDAP) as a login backend: search for the name, then log in as what was found.
import { createHash, randomUUID } from 'node:crypto'
import type { Entry } from 'ldapts'
import { InvalidCredentialError } from '../authenticator.ts'
import { MAX_PASSWORD_BYTES } from '../basic-credentials.ts'
import { CircuitBreaker, type CircuitBreakerOptions } from '../circuit-breaker.ts'
import { foreignGroups, foreignName } from '../foreign-names.ts'
import { isJwtText } from '../jwt-text.ts'
import { BackendUnavailableError, type Login, type LoginBackend } from '../login-backend.ts'
import type { Verdict } from '../verified-credentials.ts'
import { firstValue } from './distinguished-name.ts'
import type { LdapConnection } from './ldap-connection.ts'
import { fillFilter } from './ldap-filter.ts'
import { LdapPool, type LdapPoolOptions } from './ldap-pool.ts'

export interface LdapBackendOptions extends LdapPoolOptions, CircuitBreakerOptions {
  /** Who searches; undefined: nobody in particular. */
  readonly account?: { readonly dn: string; readonly password: string } | undefined
  readonly base: string
  /** Finds the one entry of `${user}`. */
  readonly filter: string
  /** What an account is called here, after `ldap:`. */
  readonly userAttribute: string
  /** A search for the groups of `${dn}` or `${user}`, or the names that the entry's `memberOf` lists. */
  readonly groups?: LdapGroups | 'memberOf' | undefined
  /** How long a good login is not asked for again. */
  readonly cacheTtlMs: number
  /** Which groups are worth keeping: tokens carry them. Default all. */
  readonly keepsGroup?: ((group: string) => boolean) | undefined
}

export interface LdapGroups {
  readonly base: string
  readonly filter: string
  /** What a group is called here, after `ldap:`. */
  readonly attribute: string
}

const SOURCE = 'ldap:'
const MAX_GROUPS = 1000

interface Found {
  readonly dn: string
  readonly name: string
  readonly memberOf: readonly string[]
}

export class LdapBackend implements LoginBackend {
  readonly name = 'ldap'
  readonly #options: LdapBackendOptions
  readonly #pool: LdapPool
  readonly #breaker: CircuitBreaker
  readonly #state: string

  constructor(options: LdapBackendOptions) {
    this.#options = options
    this.#pool = new LdapPool(options)
    this.#breaker = new CircuitBreaker(options)
    const { url, base, filter, userAttribute } = options
    // Names of another directory, or found in another way, are other people.
    this.#state = createHash('sha256')
      .update(JSON.stringify([url, base, filter, userAttribute]))
      .digest('base64url')
  }

  async check({ name, password, network }: Login): Promise<Verdict | undefined> {
    if (password === '' || Buffer.byteLength(password) > MAX_PASSWORD_BYTES) return undefined
    // Of no issuer that is known here: it is none of the directory's business, which may count it against the account.
    if (isJwtText(password)) return undefined
    return this.#breaker.run(() =>
      this.#pool.use((connection) => this.#ask(connection, name, password), network),
    )
  }

  /** Constant as long as the directory is the same: who is removed there keeps Bearer tokens until they expire. */
  stateOf(_key: string): string | undefined {
    return this.#state
  }

  close(): void {
    this.#pool.close()
  }

  async #ask(connection: LdapConnection, user: string, password: string): Promise<Verdict | undefined> {
    await this.#becomeSearcher(connection)
    const found = await this.#find(connection, user)
    if (!found) {
      // As slow as a wrong password, near enough. Theirs is not shown: it may be good elsewhere.
      await connection.bind(`cn=${randomUUID()},${this.#options.base}`, randomUUID())
      return undefined
    }
    if (!(await connection.bind(found.dn, password)))
      throw new InvalidCredentialError('the name or the password is wrong')
    const { cacheTtlMs, keepsGroup = () => true } = this.#options
    const groups = foreignGroups(SOURCE, await this.#groupsOf(connection, user, found)).filter(keepsGroup)
    return {
      identity: {
        name: found.name,
        method: 'basic',
        account: { backend: this.name, key: found.name },
        groups,
      },
      lifeMs: cacheTtlMs,
      stillHolds: () => true,
    }
  }

  async #becomeSearcher(connection: LdapConnection): Promise<void> {
    const { dn, password } = this.#options.account ?? { dn: '', password: '' }
    if (!(await connection.bind(dn, password)))
      throw new BackendUnavailableError('the directory refuses the login that dockgate searches with')
  }

  /** Undefined when nobody is called so. */
  async #find(connection: LdapConnection, user: string): Promise<Found | undefined> {
    const { base, filter, userAttribute, groups } = this.#options
    const attributes = groups === 'memberOf' ? [userAttribute, 'memberOf'] : [userAttribute]
    const entries = await connection.search({
      base,
      filter: fillFilter(filter, { user }),
      attributes,
      limit: 2,
    })
    const [entry, another] = entries
    if (!entry) return undefined
    if (another) throw new InvalidCredentialError('several entries of the directory have this name')
    const names = textsOf(entry, userAttribute)
    // Directories ignore case, and an entry may have several names: what counts here is written as it is there.
    const own = names.find((name) => name.toLowerCase() === user.toLowerCase()) ?? names[0] ?? ''
    const name = foreignName(SOURCE, own)
    if (name === undefined) throw new InvalidCredentialError(`the entry has no usable ${userAttribute}`)
    return { dn: entry.dn, name, memberOf: textsOf(entry, 'memberOf') }
  }

  async #groupsOf(connection: LdapConnection, user: string, { dn, memberOf }: Found): Promise<string[]> {
    const { groups } = this.#options
    if (groups === undefined) return []
    if (groups === 'memberOf') return memberOf.flatMap((group) => firstValue(group) ?? [])
    await this.#becomeSearcher(connection)
    const { base, attribute } = groups
    const filter = fillFilter(groups.filter, { user, dn })
    const entries = await connection.search({ base, filter, attributes: [attribute], limit: MAX_GROUPS })
    return entries.flatMap((entry) => textsOf(entry, attribute))
  }
}

/** The values of an attribute, whose name servers may write in another case. */
function textsOf(entry: Entry, attribute: string): string[] {
  const key = Object.keys(entry).find((each) => each.toLowerCase() === attribute.toLowerCase())
  const value = key === undefined ? [] : entry[key]
  const values: unknown[] = Array.isArray(value) ? value : [value]
  return values.filter((each) => typeof each === 'string')
}
