// What clients reach: the public listeners, and the lanes behind them.
import { Api } from '../api/api.ts'
import { Guard } from '../api/guard.ts'
import type { Config } from '../config/config.ts'
import { Observer, type ObserverOptions } from '../server/observer.ts'
import { buildUpstreamHosts } from './build-upstream-hosts.ts'
import { buildWeb } from './build-web.ts'
import { Listeners } from './listeners.ts'
import type { Parts } from './parts.ts'

export interface PublicSideOptions extends ObserverOptions {
  /** See {@link Listeners.open}. */
  readonly ticketSecret?: Uint8Array
}

/** Drains and closes with `stack`. Rejects when an address can not be listened on. */
export async function openPublicSide(
  config: Config,
  { registry, naming, origins, auth, callers }: Parts,
  { ticketSecret, ...observers }: PublicSideOptions,
  stack: AsyncDisposableStack,
): Promise<Listeners> {
  const { hidesRepositories } = config
  const guard = new Guard({ ...auth, tokenService: auth.tokens, hidesRepositories })
  const upstreamHosts = buildUpstreamHosts(config, auth, callers)
  const front = {
    api: new Api({ registry, naming, guard, upstreamHosts }),
    web: buildWeb(auth, naming),
    origins,
    observer: new Observer(observers),
    naming,
  }
  const listeners = await Listeners.open(config, front, ticketSecret)
  stack.defer(() => listeners.close(config.shutdownGraceMs))
  return listeners
}
