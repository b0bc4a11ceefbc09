// The account store in SQL, the same for every database that it can be kept in.
import type { AccountRef } from '../../access/identity.ts'
import type { AccessToken, AccountStore, RefreshToken, TokensChange, TokensMark } from './account-store.ts'
import type { Mode, Row, SqlDatabase, Statement, Value } from './sql-database.ts'
import {
  REFRESH_COLUMNS,
  refreshValues,
  toMark,
  TOKEN_COLUMNS,
  tokenValues,
  toRefreshToken,
  toToken,
} from './sql-rows.ts'

// Transactions that change tokens wait for each other here, so that revisions become visible in their order: nobody can
// have read up to a revision while a smaller one is still to come.
const NEXT_REVISION: Statement = { sql: 'UPDATE dockgate_tokens_mark SET revision = revision + 1' }
const REVISION = '(SELECT revision FROM dockgate_tokens_mark)'

/** A database that is not made yet holds nothing. */
const NO_MARK: TokensMark = { epoch: '', revision: 0 }
/** Databases limit the values of one statement. */
const MAX_IDS = 500

export class SqlAccountStore implements AccountStore {
  readonly #database: SqlDatabase
  readonly #listeners = new Set<() => void>()

  constructor(database: SqlDatabase) {
    this.#database = database
  }

  async saveToken(token: AccessToken): Promise<void> {
    const values = tokenValues(token)
    await this.#changeTokens({
      sql: `INSERT INTO dockgate_tokens (${TOKEN_COLUMNS}, revision) VALUES (${marks(values)}, ${REVISION})`,
      values,
    })
  }

  async listTokens(): Promise<AccessToken[]> {
    const rows = await this.#query(
      'read',
      `SELECT ${TOKEN_COLUMNS} FROM dockgate_tokens ORDER BY created_at DESC, id`,
    )
    return rows.map(toToken)
  }

  async revokeToken(id: string, at: Date): Promise<AccessToken | undefined> {
    const [, rows] = await this.#changeTokens(
      {
        sql: `UPDATE dockgate_tokens SET revoked_at = ?, revision = ${REVISION} WHERE id = ? AND revoked_at IS NULL`,
        values: [at.getTime(), id],
      },
      { sql: `SELECT ${TOKEN_COLUMNS} FROM dockgate_tokens WHERE id = ?`, values: [id] },
    )
    return rows?.map(toToken)[0]
  }

  async readTokens(since?: TokensMark): Promise<TokensChange> {
    const [row] = await this.#query('read', 'SELECT epoch, revision FROM dockgate_tokens_mark')
    const mark = row ? toMark(row) : NO_MARK
    const isComplete = since?.epoch !== mark.epoch || since.revision > mark.revision
    if (!isComplete && since.revision === mark.revision) return { mark, isComplete, tokens: [] }
    // Read after the mark: what comes in between is read twice instead of never.
    const rows = await this.#query(
      'read',
      `SELECT ${TOKEN_COLUMNS} FROM dockgate_tokens WHERE revision > ?`,
      isComplete ? -1 : since.revision,
    )
    return { mark, isComplete, tokens: rows.map(toToken) }
  }

  async recordUses(ids: readonly string[], at: Date): Promise<void> {
    for (let start = 0; start < ids.length; start += MAX_IDS) {
      const some = ids.slice(start, start + MAX_IDS)
      await this.#query(
        'note',
        `UPDATE dockgate_tokens SET last_used_at = ?
          WHERE (last_used_at IS NULL OR last_used_at < ?) AND id IN (${marks(some)})`,
        at.getTime(),
        at.getTime(),
        ...some,
      )
    }
  }

  async saveRefreshToken(token: RefreshToken): Promise<void> {
    const values = refreshValues(token)
    await this.#query(
      'write',
      `INSERT INTO dockgate_refresh_tokens (${REFRESH_COLUMNS}) VALUES (${marks(values)})`,
      ...values,
    )
  }

  async findRefreshToken(id: string): Promise<RefreshToken | undefined> {
    const sql = `SELECT ${REFRESH_COLUMNS} FROM dockgate_refresh_tokens WHERE id = ?`
    return (await this.#query('read', sql, id)).map(toRefreshToken)[0]
  }

  async deleteRefreshToken(id: string): Promise<boolean> {
    const sql = 'DELETE FROM dockgate_refresh_tokens WHERE id = ? RETURNING id'
    return (await this.#query('write', sql, id)).length > 0
  }

  async deleteRefreshTokenFamily(family: string): Promise<void> {
    await this.#query('write', 'DELETE FROM dockgate_refresh_tokens WHERE family = ?', family)
  }

  async deleteRefreshTokensOf({ backend, key }: AccountRef): Promise<void> {
    const sql = 'DELETE FROM dockgate_refresh_tokens WHERE account_backend = ? AND account_key = ?'
    await this.#query('write', sql, backend, key)
  }

  async keepLatestRefreshTokensOf({ backend, key }: AccountRef, keep: number): Promise<void> {
    await this.#query(
      'write',
      `DELETE FROM dockgate_refresh_tokens WHERE account_backend = ? AND account_key = ? AND id NOT IN (
        SELECT id FROM dockgate_refresh_tokens WHERE account_backend = ? AND account_key = ?
        ORDER BY created_at DESC, id LIMIT ?)`,
      backend,
      key,
      backend,
      key,
      keep,
    )
  }

  async removeEnded(limits: { readonly tokensBefore: Date; readonly refreshBefore: Date }): Promise<void> {
    const tokensBefore = limits.tokensBefore.getTime()
    await this.#database.run('note', [
      {
        sql: 'DELETE FROM dockgate_tokens WHERE expires_at < ? OR revoked_at < ?',
        values: [tokensBefore, tokensBefore],
      },
      {
        sql: 'DELETE FROM dockgate_refresh_tokens WHERE expires_at < ?',
        values: [limits.refreshBefore.getTime()],
      },
    ])
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    const stop = this.#database.onAnnouncement(listener)
    return () => {
      this.#listeners.delete(listener)
      stop()
    }
  }

  close(): Promise<void> {
    return this.#database.close()
  }

  async #query(mode: Mode, sql: string, ...values: readonly Value[]): Promise<Row[]> {
    const [rows = []] = await this.#database.run(mode, [{ sql, values }])
    return rows
  }

  /** Answers the rows of `statements`. */
  async #changeTokens(...statements: readonly Statement[]): Promise<Row[][]> {
    const { announcement } = this.#database
    const [, ...results] = await this.#database.run('write', [NEXT_REVISION, ...statements, ...announcement])
    for (const listener of this.#listeners) listener()
    return results
  }
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ')
}
