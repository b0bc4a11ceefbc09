// One process at a time: a lock of the operating system, which falls away with the process that holds it.
import { setTimeout as sleep } from 'node:timers/promises'

const RETRY_MS = 5
const SQLITE_BUSY = 5

interface Database {
  exec(sql: string): void
}

/**
 * Does `work` while nobody else, in this process or another, is at work for the same file. The file is made when
 * there is none, and stays: who removed it would take the lock from under those that wait. Meant for moments.
 */
export async function whileAlone<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  return withDatabase(file, async (database) => {
    while (!begins(database)) await sleep(RETRY_MS)
    return work()
  })
}

/** Does `work` as {@link whileAlone} does, or not at all when somebody is at work for the file: then it answers undefined. */
export async function ifAlone<Result>(
  file: string,
  work: () => Promise<Result>,
): Promise<Result | undefined> {
  return withDatabase(file, async (database) => (begins(database) ? work() : undefined))
}

async function withDatabase<Result>(
  file: string,
  use: (database: Database) => Promise<Result>,
): Promise<Result> {
  // Node has no flock of its own; SQLite's exclusive transaction is one, on every file system it knows how to lock.
  const { DatabaseSync } = await import('node:sqlite')
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    return await use(database)
  } finally {
    database.close()
  }
}

function begins(database: Database): boolean {
  try {
    database.exec('BEGIN EXCLUSIVE')
    return true
  } catch (error) {
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return false
    throw error
  }
}
