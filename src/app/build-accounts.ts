// Access tokens out of the configuration: the store, what is known of it in memory, and logging in with them.
import type { AccountStore } from '../auth/accounts/account-store.ts'
import { createAccountStore } from '../auth/accounts/create-account-store.ts'
import { LiveTokens } from '../auth/accounts/live-tokens.ts'
import { SettledTokens, type ManagedTokens } from '../auth/accounts/settled-tokens.ts'
import { startTokenUpkeep } from '../auth/accounts/token-upkeep.ts'
import { TokenUses } from '../auth/accounts/token-uses.ts'
import { TokensBackend } from '../auth/accounts/tokens-backend.ts'
import type { LoginBackend } from '../auth/login-backend.ts'
import type { Peers } from '../cache/peers.ts'
import type { AccountsConfig } from '../config/auth-config.ts'
import type { Logger } from '../telemetry/log.ts'

export interface AccountTokens {
  readonly store: AccountStore
  /** For making and revoking access tokens. */
  readonly managed: ManagedTokens
  readonly backend: TokensBackend
  /** Whose accounts may have personal tokens. */
  readonly owners: readonly LoginBackend[]
}

export interface BuildAccountsOptions {
  readonly owners: readonly LoginBackend[]
  readonly logger: Logger
  readonly peers: Peers
}

/** Starts also where the store can not be reached: then access tokens are refused with 503 until it can. */
export async function buildAccounts(
  config: AccountsConfig,
  { owners, logger, peers }: BuildAccountsOptions,
  stack: AsyncDisposableStack,
): Promise<AccountTokens> {
  const store = await createAccountStore(config)
  stack.defer(() => store.close())
  const tokens = await LiveTokens.open({
    store,
    onLost: (err) => logger.error({ err }, 'account store not readable: access tokens are refused'),
    onFound: () => logger.info('account store readable again'),
  })
  stack.defer(() => tokens.close())
  const managed = new SettledTokens(store, tokens, peers)
  const uses = new TokenUses({
    store,
    onError: (err) => logger.warn({ err }, 'last use of access tokens not recorded'),
  })
  stack.defer(() => uses.flush())
  const stop = startTokenUpkeep({
    store,
    tokens,
    // Once for all processes.
    removesEnded: peers.isPrimary,
    onError: (err) => logger.warn({ err }, 'ended tokens not removed from the account store'),
  })
  stack.defer(stop)
  return { store, managed, backend: new TokensBackend({ tokens, owners, uses }), owners }
}
