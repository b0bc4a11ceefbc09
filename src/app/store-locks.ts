// The locks on the stores that keep pushes: they keep commands off them, and lead commands here.
import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Config, StoreConfig } from '../config/config.ts'
import { pushedStores } from '../config/pushed-stores.ts'
import { StoreBusyError, StoreLock, type StoreOffice } from '../core/bundled/store-lock.ts'
import type { Logger } from '../telemetry/log.ts'

/** A process that was told to stop, or a command that reads a little, is waited for. */
const PATIENCE_MS = 10_000
const POLL_MS = 100
/** How soon one of several gateways on a store takes over from another that has ended. */
const TAKE_OVER_MS = 5000

export class StoreLocks {
  /** Opens the admin API to whoever can read the locks. */
  readonly token = randomBytes(32).toString('base64url')
  readonly #logger: Logger
  readonly #held = new Map<string, StoreLock>()
  readonly #awaited = new Set<string>()
  readonly #timer: NodeJS.Timeout
  #office: StoreOffice | undefined

  private constructor(logger: Logger) {
    this.#logger = logger
    this.#timer = setInterval(() => void this.#takeOver(), TAKE_OVER_MS).unref()
  }

  /**
   * Takes the locks of all stores that routes push to. Gateways that share Redis or a folder may serve one store: then one
   * of them holds its lock. Rejects with a {@link StoreBusyError} otherwise.
   */
  static async take(config: Config, logger: Logger): Promise<StoreLocks> {
    const locks = new StoreLocks(logger)
    try {
      for (const store of storesOfPushes(config))
        await locks.#take(store.filesystem.root, {
          mayShare: store.isShared || config.cache.redis !== undefined,
        })
      for (const store of storesOfMirrors(config)) await locks.#tryTake(store.filesystem.root)
      return locks
    } catch (error) {
      await locks.release()
      throw error
    }
  }

  /** Says in the locks where this process answers. */
  async open(url: string): Promise<void> {
    this.#office = { url, token: this.token }
    for (const lock of this.#held.values()) await lock.open(this.#office)
  }

  async release(): Promise<void> {
    clearInterval(this.#timer)
    for (const lock of this.#held.values()) await lock.release()
    this.#held.clear()
  }

  async #take(root: string, { mayShare }: { mayShare: boolean }): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS
    for (;;) {
      try {
        this.#held.set(root, await StoreLock.take(root))
        return
      } catch (error) {
        if (!(error instanceof StoreBusyError))
          return this.#logger.warn({ root, err: error }, 'store not locked')
        // A command wants to be alone; a gateway does not.
        if (mayShare && error.owner.office !== undefined) return void this.#awaited.add(root)
        if (performance.now() > deadline) throw error
        await pause(POLL_MS)
      }
    }
  }

  /** Everything is safe beside others who fill the same store: the lock leads commands here, and waits for nobody. */
  async #tryTake(root: string): Promise<void> {
    try {
      this.#held.set(root, await StoreLock.take(root))
    } catch (err) {
      if (err instanceof StoreBusyError) this.#awaited.add(root)
      else this.#logger.warn({ root, err }, 'store not locked')
    }
  }

  async #takeOver(): Promise<void> {
    for (const root of this.#awaited) {
      const lock = await StoreLock.take(root).catch(() => undefined)
      if (lock === undefined) continue
      this.#awaited.delete(root)
      this.#held.set(root, lock)
      if (this.#office) await lock.open(this.#office).catch(() => undefined)
    }
  }
}

function storesOfPushes({ repositories, stores }: Config): StoreConfig[] {
  const names = pushedStores({ repositories })
  return [...stores.values()].filter(({ name }) => names.has(name))
}

function storesOfMirrors({ repositories, stores }: Config): StoreConfig[] {
  const names = new Set(repositories.flatMap((route) => (route.kind === 'mirror' ? [route.store] : [])))
  return [...stores.values()].filter(({ name }) => names.has(name))
}
