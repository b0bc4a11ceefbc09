// The contract of what is kept about logins: access tokens that people made, refresh tokens that clients hold.
import type { AccountRef } from '../../access/identity.ts'

/** What an access token may be made for. Push implies pull, as it does in grants. */
export const TOKEN_ACTIONS = ['pull', 'push', 'delete', 'catalog'] as const
export type TokenAction = (typeof TOKEN_ACTIONS)[number]

/** A personal or robot token, without the secret that its owner was shown once. */
export interface AccessToken {
  readonly id: string
  /** SHA-256 of the secret, which is random and long: nobody tries all secrets, so no slow hash is needed. */
  readonly secretHash: Uint8Array
  /** Whom it logs in: the name of an account, or `robot:ci`. */
  readonly name: string
  /** The account that a personal token belongs to and ends with; undefined for a robot's. */
  readonly owner: AccountRef | undefined
  /** What the owner was when the token was made, if the token is to end with that, see {@link ownerFingerprint}. */
  readonly ownerState: string | undefined
  /** For people: what it is used for. */
  readonly label: string
  /** Patterns of repository names. */
  readonly repositories: readonly string[]
  readonly actions: readonly TokenAction[]
  readonly createdAt: Date
  /** Undefined: never. */
  readonly expiresAt: Date | undefined
  readonly revokedAt: Date | undefined
  /** To about a minute. */
  readonly lastUsedAt: Date | undefined
}

/**
 * A refresh token of the token service (OAuth 2.0), without its secret. It says nothing of a ceiling: an identity that has
 * one (it logged in with an access token) is to get no refresh token, or it would get rid of its ceiling by it.
 */
export interface RefreshToken {
  readonly id: string
  /** SHA-256 of the secret. */
  readonly secretHash: Uint8Array
  /** The identity it stands for: its name, the groups that it came with, and the account that vouches for it. */
  readonly name: string
  readonly groups: readonly string[] | undefined
  readonly account: AccountRef
  /** What the account was when the token was made; it ends when that changes. */
  readonly accountState: string
  /** Which service it was made for; it is worth nothing for another. */
  readonly service: string
  /** Shared by the tokens that came from one login, where each use hands out the next one. */
  readonly family: string
  readonly createdAt: Date
  readonly expiresAt: Date
}

/** Up to where the access tokens have been read. */
export interface TokensMark {
  /** Another one is another store: one that was restored or made anew. */
  readonly epoch: string
  readonly revision: number
}

export interface TokensChange {
  readonly mark: TokensMark
  /** Whether `tokens` are all there are; otherwise those that were made or revoked since the mark that was given. */
  readonly isComplete: boolean
  readonly tokens: readonly AccessToken[]
}

/** The store can not be read or written now. What was asked for may have been done or not. */
export class AccountStoreError extends Error {
  override readonly name = 'AccountStoreError'
  readonly code = 'ACCOUNT_STORE_UNAVAILABLE'
}

/**
 * Kept for good: what a method has answered is not undone by a crash, and every process and node that shares the store
 * sees it. Every method rejects with {@link AccountStoreError} when the store can not be reached.
 */
export interface AccountStore {
  /** Rejects when the id is taken. */
  saveToken(token: AccessToken): Promise<void>
  /** Every token that is kept, the newest first, ended ones too until they are removed. */
  listTokens(): Promise<AccessToken[]>
  /** Answers the token as it is then; undefined when there is none. A second time changes nothing. */
  revokeToken(id: string, at: Date): Promise<AccessToken | undefined>
  /** What has changed since `mark`; everything without one. Cheap when nothing has: asked several times a second. */
  readTokens(mark?: TokensMark): Promise<TokensChange>
  /** Notes that tokens were used at about that time. May be lost in a crash; no change in the sense of {@link readTokens}. */
  recordUses(ids: readonly string[], at: Date): Promise<void>

  /** Rejects when the id is taken. */
  saveRefreshToken(token: RefreshToken): Promise<void>
  /** Also one that has expired: who asks looks at the time. */
  findRefreshToken(id: string): Promise<RefreshToken | undefined>
  /** Answers whether it was there: of several who delete one at once, one alone is told so. */
  deleteRefreshToken(id: string): Promise<boolean>
  /** For a token that was presented a second time after it was replaced. */
  deleteRefreshTokenFamily(family: string): Promise<void>
  /** Logs an account out everywhere. */
  deleteRefreshTokensOf(account: AccountRef): Promise<void>
  /** Leaves an account only the `keep` refresh tokens that were made last, so that what one account can fill is bounded. */
  keepLatestRefreshTokensOf(account: AccountRef, keep: number): Promise<void>

  /** Removes access tokens that ended before `tokensBefore` and refresh tokens that expired before `refreshBefore`. */
  removeEnded(limits: { readonly tokensBefore: Date; readonly refreshBefore: Date }): Promise<void>
  /** Calls `listener` soon after access tokens were changed by anybody, where the store can tell; answers how to stop. */
  onChange(listener: () => void): () => void
  close(): Promise<void>
}
