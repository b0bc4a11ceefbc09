// The tables of the account store, by version. What has been released is never changed: a change is a further version.

/** The words of a dialect. */
export interface ColumnTypes {
  readonly bytes: 'BLOB' | 'BYTEA'
  /** Of 64 bits; times are milliseconds since 1970. */
  readonly integer: 'INTEGER' | 'BIGINT'
}

/** The statements that lead from each version to the next; version 0 is an empty database. */
export function migrations({ bytes, integer }: ColumnTypes): readonly (readonly string[])[] {
  return [
    [
      `CREATE TABLE dockgate_tokens_mark (epoch TEXT NOT NULL, revision ${integer} NOT NULL)`,
      `CREATE TABLE dockgate_tokens (
        id TEXT PRIMARY KEY,
        secret_hash ${bytes} NOT NULL,
        name TEXT NOT NULL,
        owner_backend TEXT,
        owner_key TEXT,
        owner_state TEXT,
        label TEXT NOT NULL,
        repositories TEXT NOT NULL,
        actions TEXT NOT NULL,
        created_at ${integer} NOT NULL,
        expires_at ${integer},
        revoked_at ${integer},
        last_used_at ${integer},
        revision ${integer} NOT NULL
      )`,
      'CREATE INDEX dockgate_tokens_revision ON dockgate_tokens (revision)',
      'CREATE INDEX dockgate_tokens_owner ON dockgate_tokens (owner_backend, owner_key)',
      `CREATE TABLE dockgate_refresh_tokens (
        id TEXT PRIMARY KEY,
        secret_hash ${bytes} NOT NULL,
        name TEXT NOT NULL,
        groups_json TEXT,
        account_backend TEXT NOT NULL,
        account_key TEXT NOT NULL,
        account_state TEXT NOT NULL,
        service TEXT NOT NULL,
        family TEXT NOT NULL,
        created_at ${integer} NOT NULL,
        expires_at ${integer} NOT NULL
      )`,
      'CREATE INDEX dockgate_refresh_family ON dockgate_refresh_tokens (family)',
      'CREATE INDEX dockgate_refresh_account ON dockgate_refresh_tokens (account_backend, account_key)',
      'CREATE INDEX dockgate_refresh_expires ON dockgate_refresh_tokens (expires_at)',
    ],
  ]
}

/** The first row of the mark, made with the tables. */
export const FIRST_MARK = 'INSERT INTO dockgate_tokens_mark (epoch, revision) VALUES (?, 0)'
