// Making access tokens, and telling about them: the same for the command line and the admin API.
import { checkCeilingPattern } from '../../access/patterns-ceiling.ts'
import { PatternError } from '../../access/patterns.ts'
import type { LoginBackend } from '../login-backend.ts'
import type { AccessToken, AccountStore, TokenAction } from './account-store.ts'
import { ownerStateOf } from './owner-state.ts'
import { createTokenText, isRobotName } from './token-text.ts'

/** What was asked for can not be; the message says why, in the asker's words. */
export class TokenRequestError extends Error {
  override readonly name = 'TokenRequestError'
  readonly code = 'TOKEN_REQUEST_INVALID'
}

/** An account as it is now, or a robot. */
export interface TokenOwner {
  readonly name: string
  readonly account?: { readonly backend: string; readonly key: string; readonly state: string } | undefined
}

export interface TokenRequest {
  readonly owner: TokenOwner
  readonly label?: string | undefined
  readonly repositories: readonly string[]
  readonly actions: readonly TokenAction[]
  /** Undefined: never. */
  readonly expiresAt: Date | undefined
  /** A personal token ends when the account's password changes. */
  readonly endsWithPassword?: boolean | undefined
}

const MAX_PATTERNS = 100
/** Of all patterns together: they stay in memory, compiled, as long as the token lives. */
const MAX_PATTERNS_LENGTH = 4096
const MAX_LABEL_LENGTH = 200

/** The account of that name among those that may have personal tokens. */
export function ownerAccount(
  owners: readonly Pick<LoginBackend, 'name' | 'stateOf'>[],
  name: string,
): TokenOwner | undefined {
  for (const owner of owners) {
    const state = owner.stateOf(name)
    if (state !== undefined) return { name, account: { backend: owner.name, key: name, state } }
  }
  return undefined
}

/** `ci` and `robot:ci` are the same robot. Throws {@link TokenRequestError}. */
export function ownerRobot(name: string): TokenOwner {
  const full = name.startsWith('robot:') ? name : `robot:${name}`
  if (isRobotName(full)) return { name: full }
  throw new TokenRequestError(
    `${JSON.stringify(name)} can not be the name of a robot: it has up to 63 letters, digits and the characters . _ -`,
  )
}

/** Keeps a new token and answers it with its text, which nobody can tell again. Rejects with {@link TokenRequestError}. */
export async function createAccessToken(
  store: Pick<AccountStore, 'saveToken'>,
  request: TokenRequest,
  now = new Date(),
): Promise<{ text: string; token: AccessToken }> {
  checkRequest(request, now)
  const { owner, label = '', repositories, actions, expiresAt, endsWithPassword = false } = request
  const { id, text, secretHash } = createTokenText()
  const token: AccessToken = {
    id,
    secretHash,
    name: owner.name,
    owner: owner.account && { backend: owner.account.backend, key: owner.account.key },
    ownerState: owner.account && endsWithPassword ? ownerStateOf(id, owner.account.state) : undefined,
    label,
    repositories: [...new Set(repositories)],
    actions: [...new Set(actions)],
    createdAt: now,
    expiresAt,
    revokedAt: undefined,
    lastUsedAt: undefined,
  }
  await store.saveToken(token)
  return { text, token }
}

function checkRequest({ owner, label = '', endsWithPassword, ...request }: TokenRequest, now: Date): void {
  const { repositories, actions, expiresAt } = request
  if (actions.length === 0) throw new TokenRequestError('a token is for at least one action')
  if (actions.some((action) => action !== 'catalog') && repositories.length === 0)
    throw new TokenRequestError('a token must name its repositories')
  if (repositories.length > MAX_PATTERNS)
    throw new TokenRequestError(`a token has at most ${MAX_PATTERNS} patterns of repositories`)
  if (repositories.join('').length > MAX_PATTERNS_LENGTH)
    throw new TokenRequestError(
      `the patterns of a token have at most ${MAX_PATTERNS_LENGTH} characters together`,
    )
  for (const pattern of repositories) checkPattern(pattern)
  if (expiresAt && !(expiresAt > now)) throw new TokenRequestError('a token must expire in the future')
  if (label.length > MAX_LABEL_LENGTH || /\p{Cc}/u.test(label))
    throw new TokenRequestError(`a label is one line of at most ${MAX_LABEL_LENGTH} characters`)
  if (endsWithPassword && !owner.account)
    throw new TokenRequestError(`${owner.name} has no password that its token could end with`)
}

function checkPattern(pattern: string): void {
  try {
    checkCeilingPattern(pattern)
  } catch (cause) {
    if (!(cause instanceof PatternError)) throw cause
    throw new TokenRequestError(cause.message, { cause })
  }
}

export type TokenState = 'live' | 'expired' | 'revoked'

/** A token as JSON, without its secret. */
export interface TokenDescription {
  readonly id: string
  readonly for: string
  readonly label: string
  readonly repositories: readonly string[]
  readonly can: readonly TokenAction[]
  readonly state: TokenState
  readonly createdAt: string
  readonly expiresAt: string | null
  readonly revokedAt: string | null
  readonly lastUsedAt: string | null
  readonly endsWithPassword: boolean
}

export function describeToken(token: AccessToken, now = new Date()): TokenDescription {
  const { id, name, label, repositories, actions, createdAt, expiresAt, revokedAt, lastUsedAt } = token
  return {
    id,
    for: name,
    label,
    repositories,
    can: actions,
    state: stateAt(token, now),
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    revokedAt: revokedAt?.toISOString() ?? null,
    lastUsedAt: lastUsedAt?.toISOString() ?? null,
    endsWithPassword: token.ownerState !== undefined,
  }
}

export function stateAt({ revokedAt, expiresAt }: AccessToken, now: Date): TokenState {
  if (revokedAt) return 'revoked'
  return expiresAt && expiresAt <= now ? 'expired' : 'live'
}
