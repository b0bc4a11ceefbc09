// One upstream, asked in the name of whoever a request comes from: a client for each login, for as long as it is used.
import { AsyncLocalStorage } from 'node:async_hooks'
import { createHmac, randomBytes } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { UpstreamClient } from './client.ts'
import {
  createUpstreamClient,
  isTrustedFallback,
  type UpstreamClientOptions,
} from './create-upstream-client.ts'
import { DelegatingClient } from './delegating-client.ts'
import type { Credentials } from './login/login-source.ts'

/** Logins that are used at one time; others wait for nothing but a new connection. */
const MAX_CLIENTS = 200
const IDLE_MS = 10 * 60_000
/** A client that was put aside may still be reading a blob; one that reads longer goes on with another. */
const RETIRED_MS = 15 * 60_000

export class ClientsByLogin {
  readonly #options: UpstreamClientOptions
  readonly #asking = new AsyncLocalStorage<Credentials>()
  readonly #key = randomBytes(32)
  readonly #open = new Set<UpstreamClient>()
  readonly #clients: LRUCache<string, UpstreamClient>
  /** Without a login. */
  readonly anonymous: UpstreamClient
  /** Asks with the login that {@link runAs} runs for: also what goes on after its answer. Closed by who made this. */
  readonly client: UpstreamClient

  /** A login of the options' own is never used. */
  constructor(options: UpstreamClientOptions) {
    const { credentials: _password, token: _token, mint: _mint, identity: _own, ...rest } = options
    // Who is not to see a login can not say whose it is, nor what everybody may read where logins count.
    const fallbackUrls = (options.fallbackUrls ?? []).filter((url) => isTrustedFallback(options, url))
    const anonymous = { ...rest, fallbackUrls }
    this.#options = anonymous
    this.#clients = new LRUCache({
      max: MAX_CLIENTS,
      ttl: IDLE_MS,
      updateAgeOnGet: true,
      dispose: (client) => this.#retire(client),
    })
    this.anonymous = this.#create(anonymous)
    this.client = new AskingClient(() => this.of(this.#asking.getStore()))
  }

  of(login: Credentials | undefined): UpstreamClient {
    if (login === undefined) return this.anonymous
    const key = this.#keyOf(login)
    const known = this.#clients.get(key)
    if (known) return known
    const { username, password } = login
    const client = this.#create({ ...this.#options, credentials: { username, password } })
    this.#clients.set(key, client)
    return client
  }

  /** Resolves when the upstream takes the login, or wants none. Rejects with an `UpstreamError`. */
  async check({ username, password }: Credentials): Promise<void> {
    // Most logins that are refused come once: they are not worth a client that stays.
    const client = this.#create({ ...this.#options, credentials: { username, password } })
    try {
      await client.ping()
    } finally {
      this.#open.delete(client)
      await client.close()
    }
  }

  runAs<Result>(login: Credentials | undefined, work: () => Result): Result {
    return login === undefined ? this.#asking.exit(work) : this.#asking.run(login, work)
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((client) => client.close()))
    this.#open.clear()
  }

  #create(options: UpstreamClientOptions): UpstreamClient {
    const client = createUpstreamClient(options)
    this.#open.add(client)
    return client
  }

  #retire(client: UpstreamClient): void {
    const close = () => {
      if (this.#open.delete(client)) void client.close()
    }
    if (this.#open.size > 2 * MAX_CLIENTS) close()
    else setTimeout(close, RETIRED_MS).unref()
  }

  #keyOf({ username, password }: Credentials): string {
    return createHmac('sha256', this.#key).update(`${username}\0${password}`).digest('base64')
  }
}

class AskingClient extends DelegatingClient {
  readonly #current: () => UpstreamClient

  constructor(current: () => UpstreamClient) {
    super()
    this.#current = current
  }

  protected get inner(): UpstreamClient {
    return this.#current()
  }

  override async close(): Promise<void> {}
}
