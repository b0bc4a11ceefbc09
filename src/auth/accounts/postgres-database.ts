// The account store's database in Postgres, shared by several nodes.
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { Pool, types, type ClientConfig, type PoolClient } from 'pg'
import { AccountStoreError } from './account-store.ts'
import { PostgresListener } from './postgres-listener.ts'
import type { Mode, Row, SqlDatabase, Statement } from './sql-database.ts'
import { FIRST_MARK, migrations } from './sql-schema.ts'

export interface PostgresOptions {
  /** `postgres://user[:password]@host[:port]/database`, with the parameters that libpq knows. */
  readonly url: string
  /** Read at every connection, so that it can be changed. */
  readonly passwordFile?: string | undefined
  /** PEM of the authorities that sign the server's certificate; makes TLS a must. */
  readonly caFile?: string | undefined
}

const MIGRATIONS = migrations({ bytes: 'BYTEA', integer: 'BIGINT' })
const CHANNEL = 'dockgate_tokens'
const MAX_CONNECTIONS = 4
const TIMEOUT_MS = 3000
const CLOSING_MS = 1000
/** Any number: it keeps nodes that start together from making the tables at once. */
const MIGRATION_LOCK = 0x646f636b
const INT8 = 20

export class PostgresDatabase implements SqlDatabase {
  readonly announcement: readonly Statement[] = [{ sql: `NOTIFY ${CHANNEL}` }]
  readonly #pool: Pool
  readonly #listener: PostgresListener
  #migrated: Promise<void> | undefined

  static async open(options: PostgresOptions): Promise<PostgresDatabase> {
    return new PostgresDatabase(await connectionOf(options))
  }

  private constructor(connection: ClientConfig) {
    this.#pool = new Pool({ ...connection, max: MAX_CONNECTIONS, idleTimeoutMillis: 30_000 })
    // An idle connection that breaks is no failure: the next one that is needed is made anew.
    this.#pool.on('error', () => undefined)
    this.#listener = new PostgresListener(connection, CHANNEL)
  }

  async run(mode: Mode, statements: readonly Statement[]): Promise<Row[][]> {
    try {
      this.#migrated ??= this.#transact((client) => migrate(client))
      await this.#migrated.catch((error: unknown) => {
        this.#migrated = undefined
        throw error
      })
      const [only] = statements
      if (mode === 'read' && only && statements.length === 1) return [await execute(this.#pool, only)]
      return await this.#transact(async (client) => {
        const results: Row[][] = []
        for (const statement of statements) results.push(await execute(client, statement))
        return results
      })
    } catch (cause) {
      // pg's messages name hosts, tables and accounts, never passwords.
      const why = cause instanceof Error ? cause.message || cause.name : String(cause)
      throw new AccountStoreError(`the account database in Postgres: ${why}`, { cause })
    }
  }

  onAnnouncement(listener: () => void): () => void {
    return this.#listener.add(listener)
  }

  async close(): Promise<void> {
    if (this.#pool.ended || this.#pool.ending) return
    // A server that does not answer is not waited for.
    const ended = Promise.all([this.#listener.close(), this.#pool.end()])
    await Promise.race([ended, pause(CLOSING_MS, undefined, { ref: false })])
  }

  async #transact<Result>(work: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const client = await this.#pool.connect()
    let failure: Error | undefined
    try {
      await client.query('BEGIN')
      const result = await work(client)
      await client.query('COMMIT')
      return result
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error))
      throw error
    } finally {
      // Closed after a failure: that ends the transaction too, also when the server does not answer.
      client.release(failure)
    }
  }
}

async function connectionOf({ url, passwordFile, caFile }: PostgresOptions): Promise<ClientConfig> {
  return {
    connectionString: url,
    ...(passwordFile === undefined
      ? {}
      : { password: async () => (await readFile(passwordFile, 'utf8')).replace(/\r?\n$/, '') }),
    ...(caFile === undefined ? {} : { ssl: { ca: await readFile(caFile, 'utf8') } }),
    application_name: 'dockgate',
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
    statement_timeout: TIMEOUT_MS,
    idle_in_transaction_session_timeout: TIMEOUT_MS,
    keepAlive: true,
    types: {
      // Times and counters fit into a double.
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === INT8 ? Number : types.getTypeParser(oid, format === 'binary' ? 'binary' : 'text'),
    },
    // Whatever the server's default is: what was answered must not be undone.
    options: '-c synchronous_commit=on -c client_min_messages=warning',
  }
}

async function migrate(client: PoolClient): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK])
  await client.query('CREATE TABLE IF NOT EXISTS dockgate_schema (version INTEGER NOT NULL)')
  const { rows } = await client.query<{ version: number }>('SELECT version FROM dockgate_schema')
  const version = rows[0]?.version ?? 0
  if (version > MIGRATIONS.length) throw new Error('it was made by a newer version of dockgate')
  if (version === MIGRATIONS.length) return
  for (const sql of MIGRATIONS.slice(version).flat()) await client.query(sql)
  if (version === 0) await execute(client, { sql: FIRST_MARK, values: [randomUUID()] })
  await client.query('DELETE FROM dockgate_schema')
  await client.query('INSERT INTO dockgate_schema (version) VALUES ($1)', [MIGRATIONS.length])
}

async function execute(client: Pool | PoolClient, { sql, values = [] }: Statement): Promise<Row[]> {
  let position = 0
  const text = sql.replaceAll('?', () => `$${(position += 1)}`)
  // A view of a part of some larger memory is sent as it stands by Buffer alone.
  const sent = values.map((value) => (value instanceof Uint8Array ? Buffer.from(value) : value))
  return (await client.query<Record<string, unknown>>(text, sent)).rows
}
