// Opens the account store that the configuration names.
import type { AccountStore } from './account-store.ts'
import type { PostgresOptions } from './postgres-database.ts'
import { SqlAccountStore } from './sql-account-store.ts'

/** `file`: for the processes of one machine; `postgres`: for several nodes. */
export type AccountStoreOptions =
  { readonly kind: 'file'; readonly file: string } | ({ readonly kind: 'postgres' } & PostgresOptions)

/** Connects to nothing and makes no file before it is used. What only one of the two needs is not loaded for the other. */
export async function createAccountStore(options: AccountStoreOptions): Promise<AccountStore> {
  if (options.kind === 'file') {
    const { SqliteDatabase } = await import('./sqlite-database.ts')
    return new SqlAccountStore(new SqliteDatabase(options))
  }
  const { PostgresDatabase } = await import('./postgres-database.ts')
  return new SqlAccountStore(await PostgresDatabase.open(options))
}
