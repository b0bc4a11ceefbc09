// What the account store needs of a database that speaks SQL.

export type Value = string | number | Uint8Array | null
export type Row = Readonly<Record<string, unknown>>

/** `?` stands for each value in turn. */
export interface Statement {
  readonly sql: string
  readonly values?: readonly Value[]
}

/**
 * `write`: on disk once it is answered. `note`: a write that a crash may undo, and that need not wait for the disk.
 * `read`: changes nothing; makes no database where there is none.
 */
export type Mode = 'read' | 'write' | 'note'

export interface SqlDatabase {
  /**
   * Runs the statements as one transaction and answers the rows of each; no rows at all for a read where there is no
   * database yet. Rejects with {@link AccountStoreError}.
   */
  run(mode: Mode, statements: readonly Statement[]): Promise<Row[][]>
  /** To be added to a transaction that others should hear of at once. */
  readonly announcement: readonly Statement[]
  /** Calls `listener` when an announcement of anybody was heard, and when one may have been missed. */
  onAnnouncement(listener: () => void): () => void
  close(): Promise<void>
}
