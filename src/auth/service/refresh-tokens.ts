// Refresh tokens: clients keep one in place of a password, until it expires or the password changes.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AccountRef, Identity } from '../../access/identity.ts'
import { AccountStoreError, type AccountStore, type RefreshToken } from '../accounts/account-store.ts'
import { InvalidCredentialError } from '../authenticator.ts'
import { BackendUnavailableError, type LastingAccounts } from '../login-backend.ts'
import type { Place } from '../realm.ts'

export interface RefreshTokensOptions {
  readonly store: Pick<
    AccountStore,
    'saveRefreshToken' | 'findRefreshToken' | 'deleteRefreshToken' | 'keepLatestRefreshTokensOf'
  >
  readonly accounts: LastingAccounts
  /** They are good for no other. */
  readonly service: string
  readonly lifeMs: number
  /** How many an account may have; the oldest one goes. Clients ask for one at each `docker login`. */
  readonly maxPerAccount: number
  /** The identity as it is at a place; throws {@link InvalidCredentialError} where there is no such account. */
  readonly confine?: (identity: Identity, place: Place) => Identity
  /** The clock, in ms; for tests. */
  readonly now?: () => number
}

const ID_BYTES = 12
const SECRET_BYTES = 32
/** Told apart from those of other services, which dockerd sends to its mirror. */
const FORM = /^dgr_([\w-]{16})([\w-]{43})$/

/** Random, and kept as a hash. Using one does not replace it: dockerd writes a new one to nobody's configuration. */
export class RefreshTokens {
  readonly #options: RefreshTokensOptions
  readonly #now: () => number

  constructor(options: RefreshTokensOptions) {
    this.#options = options
    this.#now = options.now ?? (() => Date.now())
  }

  /**
   * A new one for somebody who logged in; undefined for who may have none: a login that is limited or does not last must
   * not be traded for one that is not, or does. Rejects with {@link BackendUnavailableError} when it can not be kept.
   */
  async issue({ name, groups, account, ceiling }: Identity): Promise<string | undefined> {
    const { accounts, service, lifeMs, maxPerAccount, store } = this.#options
    if (name === undefined || account === undefined || ceiling !== undefined) return undefined
    const state = accounts.lasts(account) ? accounts.stateOf(account) : undefined
    if (state === undefined) return undefined
    const [id, secret] = [randomBytes(ID_BYTES).toString('base64url'), randomBytes(SECRET_BYTES)]
    const createdAt = this.#now()
    await kept(async () => {
      await store.saveRefreshToken({
        id,
        secretHash: hashOf(secret),
        name,
        groups,
        account,
        accountState: tieOf(secret, account, state).toString('base64url'),
        service,
        family: id,
        createdAt: new Date(createdAt),
        expiresAt: new Date(createdAt + lifeMs),
      })
      await store.keepLatestRefreshTokensOf(account, maxPerAccount)
    })
    return `dgr_${id}${secret.toString('base64url')}`
  }

  /** Whether it has the form of ours: then it is right or wrong, and nobody else's. */
  isOurs(token: string): boolean {
    return FORM.test(token)
  }

  /** Who it stands for. Rejects with {@link InvalidCredentialError}, and with {@link BackendUnavailableError}. */
  async redeem(token: string, place: Place): Promise<Identity> {
    const { store, confine = (identity) => identity } = this.#options
    const [, id, written = ''] = FORM.exec(token) ?? []
    const found = id === undefined ? undefined : await kept(() => store.findRefreshToken(id))
    const secret = Buffer.from(written, 'base64url')
    if (!found || !timingSafeEqual(found.secretHash, hashOf(secret))) throw refused()
    if (!this.#isGood(found, secret)) {
      await kept(() => store.deleteRefreshToken(found.id))
      throw refused()
    }
    const { name, groups, account } = found
    return confine({ name, method: 'basic', account, ...(groups && { groups }) }, place)
  }

  #isGood({ account, accountState, service, expiresAt }: RefreshToken, secret: Buffer): boolean {
    const { accounts, service: ours } = this.#options
    const state = accounts.lasts(account) ? accounts.stateOf(account) : undefined
    if (state === undefined || service !== ours || expiresAt.getTime() <= this.#now()) return false
    const claimed = Buffer.from(accountState, 'base64url')
    const expected = tieOf(secret, account, state)
    return claimed.length === expected.length && timingSafeEqual(claimed, expected)
  }
}

function refused(): InvalidCredentialError {
  return new InvalidCredentialError('the refresh token is not valid, or not any more')
}

function hashOf(secret: Uint8Array): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** Keyed with the secret itself, which is not kept: the store tells nobody about hashes, and keys may change meanwhile. */
function tieOf(secret: Uint8Array, { backend, key }: AccountRef, state: string): Buffer {
  return createHmac('sha256', secret)
    .update(JSON.stringify([backend, key, state]))
    .digest()
}

async function kept<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask()
  } catch (cause) {
    if (!(cause instanceof AccountStoreError)) throw cause
    throw new BackendUnavailableError('refresh tokens can not be read or written now', { cause })
  }
}
