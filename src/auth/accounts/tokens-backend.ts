// Access tokens as a login backend: presented as passwords, with their owner's name.
import { createHash, timingSafeEqual } from 'node:crypto'
import { lowestCeiling, type Ceiling } from '../../access/ceiling.ts'
import type { Identity } from '../../access/identity.ts'
import { InvalidCredentialError } from '../authenticator.ts'
import { BackendUnavailableError, type Login, type LoginBackend } from '../login-backend.ts'
import type { Place } from '../realm.ts'
import type { Verdict } from '../verified-credentials.ts'
import type { LiveToken, LiveTokens } from './live-tokens.ts'
import { ownerStateOf } from './owner-state.ts'
import { parseTokenText } from './token-text.ts'

export const TOKENS_BACKEND = 'tokens'

const VERDICT_LIFE_MS = 5 * 60_000

export interface TokensBackendOptions {
  readonly tokens: Pick<LiveTokens, 'get' | 'isCurrent' | 'catchUp'>
  /** Whose accounts may have personal tokens, by the backend's name. */
  readonly owners: readonly Pick<LoginBackend, 'name' | 'realm' | 'stateOf'>[]
  /** Told of every use. */
  readonly uses: { note(id: string): void }
}

/** A token ends at once when it is revoked, when it expires, when its account goes, and when nothing is known of it. */
export class TokensBackend implements LoginBackend {
  readonly name = TOKENS_BACKEND
  readonly #tokens: TokensBackendOptions['tokens']
  readonly #owners: ReadonlyMap<string, TokensBackendOptions['owners'][number]>
  readonly #uses: TokensBackendOptions['uses']
  /** Whether an owner is what it was, decided once for each state. */
  readonly #ownerStates = new WeakMap<LiveToken, { readonly state: string; readonly isSame: boolean }>()

  constructor({ tokens, owners, uses }: TokensBackendOptions) {
    this.#tokens = tokens
    this.#owners = new Map(owners.map((owner) => [owner.name, owner]))
    this.#uses = uses
  }

  async check(login: Login): Promise<Verdict | undefined> {
    const presented = parseTokenText(login.password)
    if (!presented) return undefined
    // It may have been made a moment ago, by another process.
    if (this.#tokens.isCurrent && !this.#tokens.get(presented.id)) await this.#tokens.catchUp()
    if (!this.#tokens.isCurrent)
      throw new BackendUnavailableError('access tokens can not be looked up now', { isFinal: true })
    const token = this.#find(presented.id)
    const isRight = equal(presented.secretHash, token?.secretHash ?? NOBODYS)
    if (!token || !isRight || !equal(sha256(login.name), sha256(token.name)))
      throw new InvalidCredentialError('the access token is not valid, or not for that name')
    const identity: Identity = {
      name: token.name,
      method: 'basic',
      account: { backend: this.name, key: token.id },
      ceiling: this.limitsOf(token.id, login),
    }
    return { identity, lifeMs: VERDICT_LIFE_MS, stillHolds: () => this.#use(token.id) === token }
  }

  /** It does not change while the token lives. */
  stateOf(key: string): string | undefined {
    return this.#use(key)?.state
  }

  catchUp(): Promise<void> {
    return this.#tokens.catchUp()
  }

  /** What the token is made for, within the realm of its owner. */
  limitsOf(key: string, place: Place): Ceiling {
    const token = this.#find(key)
    const realm = token?.owner && this.#owners.get(token.owner.backend)?.realm
    if (!token || realm?.appliesTo(place) === false)
      throw new InvalidCredentialError('the access token is not valid here')
    return lowestCeiling(token.ceiling, realm?.ceiling)
  }

  #find(id: string): LiveToken | undefined {
    const token = this.#tokens.get(id)
    return token && this.#hasOwner(token) ? token : undefined
  }

  #use(id: string): LiveToken | undefined {
    const token = this.#find(id)
    if (token) this.#uses.note(id)
    return token
  }

  #hasOwner(token: LiveToken): boolean {
    const { owner, ownerState } = token
    if (!owner) return true
    const state = this.#owners.get(owner.backend)?.stateOf(owner.key)
    if (state === undefined || ownerState === undefined) return state !== undefined
    const known = this.#ownerStates.get(token)
    if (known?.state === state) return known.isSame
    const isSame = ownerStateOf(token.id, state) === ownerState
    this.#ownerStates.set(token, { state, isSame })
    return isSame
  }
}

const NOBODYS = new Uint8Array(32)

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
