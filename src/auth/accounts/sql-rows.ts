// Records of the account store as rows of its tables, and back.
import { z } from 'zod'
import { TOKEN_ACTIONS, type AccessToken, type RefreshToken } from './account-store.ts'
import type { Row, Value } from './sql-database.ts'

const time = z.number().transform((ms) => new Date(ms))
const optionalTime = z
  .number()
  .nullable()
  .transform((ms) => (ms === null ? undefined : new Date(ms)))
const optionalText = z
  .string()
  .nullable()
  .transform((text) => text ?? undefined)
const bytes = z.instanceof(Uint8Array)

function json<Output>(schema: z.ZodType<Output>) {
  return z.string().transform((text) => schema.parse(JSON.parse(text)))
}

const TOKEN_ROW = z.object({
  id: z.string(),
  secret_hash: bytes,
  name: z.string(),
  owner_backend: optionalText,
  owner_key: optionalText,
  owner_state: optionalText,
  label: z.string(),
  repositories: json(z.array(z.string())),
  actions: json(z.array(z.enum(TOKEN_ACTIONS))),
  created_at: time,
  expires_at: optionalTime,
  revoked_at: optionalTime,
  last_used_at: optionalTime,
})

export const TOKEN_COLUMNS = Object.keys(TOKEN_ROW.shape).join(', ')

/** In the order of {@link TOKEN_COLUMNS}. */
export function tokenValues(token: AccessToken): Value[] {
  return [
    token.id,
    token.secretHash,
    token.name,
    token.owner?.backend ?? null,
    token.owner?.key ?? null,
    token.ownerState ?? null,
    token.label,
    JSON.stringify(token.repositories),
    JSON.stringify(token.actions),
    token.createdAt.getTime(),
    token.expiresAt?.getTime() ?? null,
    token.revokedAt?.getTime() ?? null,
    token.lastUsedAt?.getTime() ?? null,
  ]
}

export function toToken(row: Row): AccessToken {
  const { owner_backend: backend, owner_key: key, ...columns } = TOKEN_ROW.parse(row)
  return {
    id: columns.id,
    secretHash: columns.secret_hash,
    name: columns.name,
    owner: backend === undefined || key === undefined ? undefined : { backend, key },
    ownerState: columns.owner_state,
    label: columns.label,
    repositories: columns.repositories,
    actions: columns.actions,
    createdAt: columns.created_at,
    expiresAt: columns.expires_at,
    revokedAt: columns.revoked_at,
    lastUsedAt: columns.last_used_at,
  }
}

const REFRESH_ROW = z.object({
  id: z.string(),
  secret_hash: bytes,
  name: z.string(),
  groups_json: json(z.array(z.string()).nullable()),
  account_backend: z.string(),
  account_key: z.string(),
  account_state: z.string(),
  service: z.string(),
  family: z.string(),
  created_at: time,
  expires_at: time,
})

export const REFRESH_COLUMNS = Object.keys(REFRESH_ROW.shape).join(', ')

/** In the order of {@link REFRESH_COLUMNS}. */
export function refreshValues(token: RefreshToken): Value[] {
  return [
    token.id,
    token.secretHash,
    token.name,
    JSON.stringify(token.groups ?? null),
    token.account.backend,
    token.account.key,
    token.accountState,
    token.service,
    token.family,
    token.createdAt.getTime(),
    token.expiresAt.getTime(),
  ]
}

export function toRefreshToken(row: Row): RefreshToken {
  const columns = REFRESH_ROW.parse(row)
  return {
    id: columns.id,
    secretHash: columns.secret_hash,
    name: columns.name,
    groups: columns.groups_json ?? undefined,
    account: { backend: columns.account_backend, key: columns.account_key },
    accountState: columns.account_state,
    service: columns.service,
    family: columns.family,
    createdAt: columns.created_at,
    expiresAt: columns.expires_at,
  }
}

const MARK_ROW = z.object({ epoch: z.string(), revision: z.number() })

export function toMark(row: Row): z.infer<typeof MARK_ROW> {
  return MARK_ROW.parse(row)
}
