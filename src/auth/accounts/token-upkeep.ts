// What is done for the account store while a gateway runs: ended tokens are let go of, in memory and in the store.
import type { AccountStore } from './account-store.ts'

const HOUR_MS = 3600_000
/** So long people can look up what a token was and when it was revoked. */
const TOKENS_KEPT_MS = 90 * 24 * HOUR_MS
/** Clocks of nodes differ. */
const REFRESH_KEPT_MS = HOUR_MS

export interface TokenUpkeepOptions {
  readonly store: Pick<AccountStore, 'removeEnded'>
  readonly tokens: { forgetExpired(): void }
  /** False where another process does that for the same store. */
  readonly removesEnded: boolean
  readonly onError: (error: unknown) => void
}

/** Begins within the hour; answers how to stop. */
export function startTokenUpkeep({ store, tokens, removesEnded, onError }: TokenUpkeepOptions): () => void {
  const timer = setInterval(() => {
    tokens.forgetExpired()
    if (!removesEnded) return
    const now = Date.now()
    const tokensBefore = new Date(now - TOKENS_KEPT_MS)
    const refreshBefore = new Date(now - REFRESH_KEPT_MS)
    store.removeEnded({ tokensBefore, refreshBefore }).catch(onError)
  }, HOUR_MS).unref()
  return () => clearInterval(timer)
}
