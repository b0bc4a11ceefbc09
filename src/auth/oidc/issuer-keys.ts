// The keys that an issuer signs with: found by discovery, kept, and asked for again when they rotate.
import { readFile } from 'node:fs/promises'
import { createLocalJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import { z } from 'zod'
import { SingleFlight } from '../../cache/single-flight.ts'
import { parseBoundedJson } from '../../oci/bounded-json.ts'
import { CircuitBreaker, type CircuitBreakerOptions } from '../circuit-breaker.ts'
import { BackendUnavailableError } from '../login-backend.ts'
import { fetchDocument } from './fetch-document.ts'
import { discoveryUrlOf, isTrustworthyUrl } from './issuer-url.ts'

export interface IssuerKeysOptions extends CircuitBreakerOptions {
  readonly issuer: string
  /** Where the keys are; by default where the issuer's discovery document says. */
  readonly jwksUrl?: string | undefined
  /** A file of the keys, in place of asking for them. */
  readonly jwksFile?: string | undefined
  /** PEM file of the authorities that sign the issuer's certificate, in place of the system's. */
  readonly caFile?: string | undefined
}

/** A key that the issuer withdraws is believed for so long at most… */
const FRESH_MS = 10 * 60_000
/** …or for so long while the issuer can not be asked. */
const STALE_MS = 60 * 60_000
/** A token that names an unknown key has the keys asked for again, but anybody can write such a token. */
const MIN_INTERVAL_MS = 10_000

const DISCOVERY = z.object({ issuer: z.string(), jwks_uri: z.string() })
const KEYS = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) })

interface KnownKeys {
  readonly find: JWTVerifyGetKey
  readonly readAt: number
}

export class IssuerKeys {
  readonly #options: IssuerKeysOptions
  readonly #breaker: CircuitBreaker
  readonly #loading = new SingleFlight<KnownKeys>()
  #known: KnownKeys | undefined

  constructor(options: IssuerKeysOptions) {
    this.#options = options
    this.#breaker = new CircuitBreaker(options)
  }

  /**
   * The key that a token's header names. Rejects with {@link BackendUnavailableError} when no keys can be had, and as
   * jose does when the issuer has no such key.
   */
  readonly find: JWTVerifyGetKey = async (header, token) => {
    const known = await this.#current()
    try {
      return await known.find(header, token)
    } catch (error) {
      const isUnknown = error instanceof errors.JWKSNoMatchingKey
      if (!isUnknown || performance.now() - known.readAt < MIN_INTERVAL_MS) throw error
      return (await this.#load()).find(header, token)
    }
  }

  async #current(): Promise<KnownKeys> {
    const known = this.#known
    const age = known ? performance.now() - known.readAt : Infinity
    if (known && age < FRESH_MS) return known
    try {
      return await this.#load()
    } catch (error) {
      if (known && age < STALE_MS) return known
      throw error
    }
  }

  #load(): Promise<KnownKeys> {
    return this.#loading.run('', () =>
      this.#breaker.run(async () => {
        const find = createLocalJWKSet(await this.#read())
        this.#known = { find, readAt: performance.now() }
        return this.#known
      }),
    )
  }

  async #read() {
    const { issuer, jwksFile } = this.#options
    try {
      const document =
        jwksFile === undefined ? await this.#fetch() : parseBoundedJson(await readFile(jwksFile))
      return KEYS.parse(document)
    } catch (cause) {
      throw new BackendUnavailableError(`the keys of ${issuer} can not be had: ${reasonOf(cause)}`, { cause })
    }
  }

  async #fetch(): Promise<unknown> {
    const { issuer, jwksUrl, caFile } = this.#options
    const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8')
    if (jwksUrl !== undefined) return fetchDocument(jwksUrl, { ca })
    const discovered = DISCOVERY.parse(await fetchDocument(discoveryUrlOf(issuer), { ca }))
    // OpenID Connect Discovery 1.0 §4.3: or one issuer could speak for another.
    if (discovered.issuer !== issuer) throw new TypeError('its discovery document names another issuer')
    if (!isTrustworthyUrl(discovered.jwks_uri) || isDowngrade(issuer, discovered.jwks_uri))
      throw new TypeError('its discovery document names keys that are not at an https URL')
    return fetchDocument(discovered.jwks_uri, { ca })
  }
}

/** Only who was asked over plain http himself may send us there. */
function isDowngrade(issuer: string, url: string): boolean {
  return new URL(issuer).protocol === 'https:' && new URL(url).protocol !== 'https:'
}

function reasonOf(cause: unknown): string {
  if (cause instanceof z.ZodError) return 'the document is of another form'
  return cause instanceof Error ? cause.message || cause.name : 'unknown reason'
}
