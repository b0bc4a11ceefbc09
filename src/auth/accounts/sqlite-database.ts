// The account store's database in one file of this machine, shared by the processes on it.
import { randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { AccountStoreError } from './account-store.ts'
import type { Mode, Row, SqlDatabase, Statement } from './sql-database.ts'
import { FIRST_MARK, migrations } from './sql-schema.ts'

const MIGRATIONS = migrations({ bytes: 'BLOB', integer: 'INTEGER' })
/** How long another process that is writing is waited for. */
const PATIENCE_MS = 5000
const RETRY_MS = 10
/** SQLITE_BUSY, in the lower byte of its extended codes (sqlite.org/rescode.html). */
const BUSY = 5

/** An open file, and which one it was: it may be replaced. */
interface OpenFile {
  readonly database: DatabaseSync
  readonly statements: Map<string, StatementSync>
  readonly inode: bigint
}

/** Made when it is first written to. Other processes see what was written with their next statement. */
export class SqliteDatabase implements SqlDatabase {
  readonly announcement = []
  readonly #file: string
  #open: OpenFile | undefined
  #isClosed = false

  constructor({ file }: { readonly file: string }) {
    this.#file = file
  }

  async run(mode: Mode, statements: readonly Statement[]): Promise<Row[][]> {
    const deadline = performance.now() + PATIENCE_MS
    try {
      if (mode === 'write') await this.#make()
      for (;;) {
        try {
          return this.#runNow(mode, statements)
        } catch (error) {
          // SQLite's own waiting would hold up everything else that this process does.
          if (!isBusy(error) || performance.now() > deadline) throw error
          await pause(RETRY_MS)
        }
      }
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new AccountStoreError(`the account database ${this.#file}: ${why}`, { cause })
    }
  }

  /** Nobody can tell: whoever wants to know reads again. */
  onAnnouncement(): () => void {
    return () => undefined
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#forget()
  }

  /** Only its owner may read it. SQLite gives the files beside it the same mode. */
  async #make(): Promise<void> {
    if (inodeOf(this.#file) !== undefined) return
    await mkdir(dirname(this.#file), { recursive: true })
    await (await open(this.#file, 'a', 0o600)).close()
  }

  #runNow(mode: Mode, statements: readonly Statement[]): Row[][] {
    if (this.#isClosed) throw new Error('it is closed')
    const opened = this.#current()
    if (!opened) return []
    const { database } = opened
    // A note need not survive a power cut: without this every commit waits for the disk.
    if (mode === 'note') database.exec('PRAGMA synchronous = NORMAL')
    try {
      const execute = () => statements.map((statement) => runStatement(opened, statement))
      return mode === 'read' && statements.length === 1 ? execute() : transact(database, mode, execute)
    } finally {
      if (mode === 'note') database.exec('PRAGMA synchronous = FULL')
    }
  }

  /** The file as it is now: one that was removed or replaced under an open database would never be seen again. */
  #current(): OpenFile | undefined {
    const inode = inodeOf(this.#file)
    if (this.#open !== undefined && this.#open.inode !== inode) this.#forget()
    if (inode === undefined) return undefined
    this.#open ??= { database: openDatabase(this.#file), statements: new Map(), inode }
    return this.#open
  }

  #forget(): void {
    this.#open?.database.close()
    this.#open = undefined
  }
}

function openDatabase(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    // Readers do not wait for the writer, and a commit is one write that reaches the disk before it is answered.
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    if (versionOf(database) !== MIGRATIONS.length) transact(database, 'write', () => migrate(database))
    return database
  } catch (error) {
    database.close()
    throw error
  }
}

function migrate(database: DatabaseSync): void {
  const version = versionOf(database)
  if (version > MIGRATIONS.length) throw new Error('it was made by a newer version of dockgate')
  for (const sql of MIGRATIONS.slice(version).flat()) database.exec(sql)
  if (version === 0) database.prepare(FIRST_MARK).run(randomUUID())
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`)
}

function versionOf(database: DatabaseSync): number {
  return Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
}

function transact<Result>(database: DatabaseSync, mode: Mode, work: () => Result): Result {
  // A transaction that begins as a reader can not wait for its turn to write.
  database.exec(mode === 'read' ? 'BEGIN' : 'BEGIN IMMEDIATE')
  try {
    const result = work()
    database.exec('COMMIT')
    return result
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK')
    throw error
  }
}

function runStatement({ database, statements }: OpenFile, { sql, values = [] }: Statement): Row[] {
  let prepared = statements.get(sql)
  if (!prepared) statements.set(sql, (prepared = database.prepare(sql)))
  return prepared.all(...values)
}

function inodeOf(file: string): bigint | undefined {
  return statSync(file, { bigint: true, throwIfNoEntry: false })?.ino
}

function isBusy(error: unknown): boolean {
  return (
    error instanceof Error &&
    'errcode' in error &&
    typeof error.errcode === 'number' &&
    (error.errcode & 0xff) === BUSY
  )
}
