// The connections to a directory server: few, used in turn, and kept for a while.
import { siteOf } from '../client-network.ts'
import { HashQueue } from '../hash-queue.ts'
import { BackendUnavailableError } from '../login-backend.ts'
import { LdapConnection, type LdapServer } from './ldap-connection.ts'

export interface LdapPoolOptions extends LdapServer {
  readonly poolSize: number
}

/** Servers end connections that say nothing for long. */
const MAX_IDLE_MS = 60_000

interface Idle {
  readonly connection: LdapConnection
  readonly since: number
}

export class LdapPool {
  readonly #options: LdapPoolOptions
  readonly #queue: HashQueue
  #idle: Idle[] = []
  #isClosed = false

  constructor(options: LdapPoolOptions) {
    this.#options = options
    this.#queue = new HashQueue({ concurrency: options.poolSize })
  }

  /**
   * What `work` answers on a connection of its own. It may be asked twice: a kept connection may have been lost. Rejects
   * with {@link BackendUnavailableError}, or {@link AuthenticationBusyError} when too much waits.
   */
  use<Value>(work: (connection: LdapConnection) => Promise<Value>, network = ''): Promise<Value> {
    return this.#queue.run(async () => {
      const kept = this.#takeIdle()
      if (kept) {
        try {
          return await this.#run(kept, work)
        } catch (error) {
          if (!(error instanceof BackendUnavailableError) || kept.isOpen) throw error
        }
      }
      return this.#run(await LdapConnection.open(this.#options), work)
    }, siteOf(network))
  }

  close(): void {
    this.#isClosed = true
    for (const { connection } of this.#idle) connection.close()
    this.#idle = []
  }

  async #run<Value>(
    connection: LdapConnection,
    work: (connection: LdapConnection) => Promise<Value>,
  ): Promise<Value> {
    try {
      const value = await work(connection)
      this.#keep(connection)
      return value
    } catch (error) {
      // Whatever it still has to say must not be taken for an answer to somebody else.
      connection.close()
      throw error
    }
  }

  #keep(connection: LdapConnection): void {
    if (this.#isClosed || !connection.isOpen) connection.close()
    else this.#idle.push({ connection, since: performance.now() })
  }

  /** The one used last, so that the others grow old. */
  #takeIdle(): LdapConnection | undefined {
    const oldest = performance.now() - MAX_IDLE_MS
    const isUsable = ({ connection, since }: Idle): boolean => connection.isOpen && since > oldest
    for (const each of this.#idle) if (!isUsable(each)) each.connection.close()
    this.#idle = this.#idle.filter(isUsable)
    return this.#idle.pop()?.connection
  }
}
