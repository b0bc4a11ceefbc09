// Changes of access tokens that hold in every process of the gateway before they are answered.
import type { Peers } from '../../cache/peers.ts'
import type { AccountStore } from './account-store.ts'
import type { LiveTokens } from './live-tokens.ts'

const TOPIC = 'access tokens'

/** The part of the account store that access tokens are managed by. */
export type ManagedTokens = Pick<AccountStore, 'saveToken' | 'listTokens' | 'revokeToken'>

/** Whoever is told that a token was made or revoked finds it so in whatever process. */
export class SettledTokens implements ManagedTokens {
  readonly #store: ManagedTokens
  readonly #tokens: Pick<LiveTokens, 'settle'>
  readonly #peers: Peers

  constructor(store: ManagedTokens, tokens: Pick<LiveTokens, 'settle'>, peers: Peers) {
    this.#store = store
    this.#tokens = tokens
    this.#peers = peers
    peers.answer(TOPIC, async () => {
      await tokens.settle()
      return null
    })
  }

  saveToken: ManagedTokens['saveToken'] = async (token) => {
    await this.#store.saveToken(token)
    await this.#settle()
  }

  revokeToken: ManagedTokens['revokeToken'] = async (id, at) => {
    const revoked = await this.#store.revokeToken(id, at)
    await this.#settle()
    return revoked
  }

  listTokens: ManagedTokens['listTokens'] = () => this.#store.listTokens()

  async #settle(): Promise<void> {
    await Promise.all([this.#tokens.settle(), this.#peers.ask(TOPIC, null)])
  }
}
