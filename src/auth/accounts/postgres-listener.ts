// Hears Postgres notifications (LISTEN) on a connection of its own, which is made anew when it breaks.
import { Client, type ClientConfig } from 'pg'

const RETRY_MS = 1000

export class PostgresListener {
  readonly #connection: ClientConfig
  readonly #channel: string
  readonly #listeners = new Set<() => void>()
  #client: Client | undefined
  #retry: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(connection: ClientConfig, channel: string) {
    this.#connection = connection
    this.#channel = channel
  }

  /** `listener` is also called when a connection was made: something may have been missed before. */
  add(listener: () => void): () => void {
    this.#listeners.add(listener)
    if (!this.#client && !this.#retry) void this.#connect()
    return () => this.#listeners.delete(listener)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#retry)
    await this.#client?.end().catch(() => undefined)
  }

  async #connect(): Promise<void> {
    this.#retry = undefined
    const client = new Client(this.#connection)
    this.#client = client
    client.on('notification', () => this.#tell())
    client.on('error', () => this.#lose(client))
    client.on('end', () => this.#lose(client))
    try {
      await client.connect()
      await client.query(`LISTEN ${this.#channel}`)
      this.#tell()
    } catch {
      this.#lose(client)
    }
  }

  #lose(client: Client): void {
    if (this.#client !== client) return
    this.#client = undefined
    client.end().catch(() => undefined)
    if (this.#isClosed) return
    this.#retry = setTimeout(() => void this.#connect(), RETRY_MS).unref()
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
