// The admin API of access tokens, `/api/tokens`: administrators manage all of them, other accounts their own.
import { json, Router, type Request } from 'express'
import { z } from 'zod'
import type { AccountRef } from '../access/identity.ts'
import {
  createAccessToken,
  describeToken,
  ownerAccount,
  ownerRobot,
  stateAt,
  TokenRequestError,
  type TokenOwner,
  type TokenRequest,
} from '../auth/accounts/access-tokens.ts'
import {
  AccountStoreError,
  TOKEN_ACTIONS,
  type AccessToken,
  type AccountStore,
} from '../auth/accounts/account-store.ts'
import { TOKENS_BACKEND } from '../auth/accounts/tokens-backend.ts'
import type { LoginBackend } from '../auth/login-backend.ts'
import { RegistryError } from '../oci/error.ts'
import { identifyCaller, loginChallenge, type AdminAuthOptions } from './admin-auth.ts'
import { answerError } from './admin-errors.ts'

export interface TokensApiOptions extends AdminAuthOptions {
  readonly store: Pick<AccountStore, 'saveToken' | 'listTokens' | 'revokeToken'>
  /** Whose accounts may have personal tokens. */
  readonly owners: readonly Pick<LoginBackend, 'name' | 'stateOf'>[]
}

const MAX_INPUT_BYTES = 64 * 1024
/** Every token is kept in memory, and anybody with an account can make some. */
const MAX_OWN_TOKENS = 100
/** Ended ones are kept for a while, and read with each listing. */
const MAX_OWN_KEPT = 1000

const INPUT = z.strictObject({
  for: z.string().optional(),
  robot: z.boolean().default(false),
  label: z.string().optional(),
  repositories: z.array(z.string()).default(['**']),
  can: z.array(z.enum(TOKEN_ACTIONS)).default(['pull']),
  expiresAt: z.iso
    .datetime({ offset: true, error: 'must be a time such as 2027-01-01T00:00:00Z, or null for never' })
    .nullable(),
  endsWithPassword: z.boolean().default(false),
})

/** To be mounted at `/api/tokens`. */
export function tokensApi({ store, owners, ...auth }: TokensApiOptions): Router {
  const router = Router()
  const desk = (req: Request) => deskOf(req, auth, owners)
  router.use((_req, res, next) => {
    res.set('Cache-Control', 'no-store')
    next()
  })
  router.get('/', async (req, res) => {
    const { mayManage } = await desk(req)
    const tokens = (await store.listTokens()).filter(mayManage)
    res.json({ tokens: tokens.map((token) => describeToken(token)) })
  })
  // A page of another site can send a form, but no JSON, on behalf of a browser that is logged in.
  router.post('/', json({ limit: MAX_INPUT_BYTES }), async (req, res) => {
    if (!req.is('application/json'))
      throw new RegistryError('UNSUPPORTED', 'the body must be JSON', { status: 415 })
    const { isAdmin, self, mayManage } = await desk(req)
    const { for: name, robot, can, expiresAt, ...input } = parseInput(req.body)
    const isOwn = !robot && self !== undefined && (name ?? self.name) === self.name
    if (!isOwn && !isAdmin) throw denied('making tokens for others needs the admin grant')
    if (!isAdmin) requireRoom((await store.listTokens()).filter(mayManage))
    const owner = isOwn ? self : ownerOf(name, { robot }, owners)
    const request: TokenRequest = {
      ...input,
      owner,
      actions: can,
      expiresAt: expiresAt === null ? undefined : new Date(expiresAt),
    }
    const { text, token } = await createAccessToken(store, request)
    res.status(201).json({ token: text, ...describeToken(token) })
  })
  router.delete('/:id', async (req, res) => {
    const { mayManage } = await desk(req)
    const { id } = req.params
    const found = (await store.listTokens()).find((token) => token.id === id)
    const revoked = found && mayManage(found) ? await store.revokeToken(id, new Date()) : undefined
    if (!revoked) throw new RegistryError('NAME_UNKNOWN', 'there is no such token')
    res.json(describeToken(revoked))
  })
  router.use(() => {
    throw new RegistryError('UNSUPPORTED', 'no such page', { status: 404 })
  })
  router.use((error: unknown, req: Request, res: Parameters<typeof answerError>[2], next: () => void) =>
    answerError(explained(error), req, res, next),
  )
  return router
}

/** What a caller may do here. */
interface Desk {
  readonly isAdmin: boolean
  /** The account that may have personal tokens; undefined for others. */
  readonly self: TokenOwner | undefined
  readonly mayManage: (token: AccessToken) => boolean
}

async function deskOf(
  req: Request,
  auth: AdminAuthOptions,
  owners: TokensApiOptions['owners'],
): Promise<Desk> {
  const caller = await identifyCaller(auth, req)
  const { identity } = caller
  if (identity === 'local') return { isAdmin: true, self: undefined, mayManage: () => true }
  if (identity.name === undefined) throw loginChallenge('log in with an account')
  const { account } = identity
  // A token that leaked must not be a way to get others, which would outlive it.
  if (identity.method === 'bearer' || account?.backend === TOKENS_BACKEND)
    throw denied('tokens are managed by who logs in with a password')
  const self = account && selfOf(identity.name, account, owners)
  const isAdmin = caller.clause !== undefined
  if (!isAdmin && !self) throw denied('this account has no personal tokens')
  return { isAdmin, self, mayManage: (token) => isAdmin || isOwnedBy(token, account) }
}

function selfOf(
  name: string,
  { backend, key }: AccountRef,
  owners: TokensApiOptions['owners'],
): TokenOwner | undefined {
  const state = owners.find((owner) => owner.name === backend)?.stateOf(key)
  return state === undefined ? undefined : { name, account: { backend, key, state } }
}

function isOwnedBy({ owner }: AccessToken, account: AccountRef | undefined): boolean {
  return owner !== undefined && owner.backend === account?.backend && owner.key === account.key
}

function ownerOf(
  name: string | undefined,
  { robot }: { readonly robot: boolean },
  owners: TokensApiOptions['owners'],
): TokenOwner {
  if (name === undefined) throw new TokenRequestError('"for" is missing: the name of an account or a robot')
  const account = robot ? undefined : ownerAccount(owners, name)
  if (account) return account
  if (robot || name.startsWith('robot:')) return ownerRobot(name)
  throw new TokenRequestError(
    `there is no account ${JSON.stringify(name)}; "robot": true makes a robot's token`,
  )
}

function requireRoom(tokens: readonly AccessToken[]): void {
  if (tokens.length >= MAX_OWN_KEPT)
    throw denied(`an account has at most ${MAX_OWN_KEPT} tokens, with those that ended in the last 90 days`)
  const now = new Date()
  if (tokens.filter((token) => stateAt(token, now) === 'live').length >= MAX_OWN_TOKENS)
    throw denied(`an account has at most ${MAX_OWN_TOKENS} tokens: revoke one first`)
}

function parseInput(body: unknown): z.output<typeof INPUT> {
  const parsed = INPUT.safeParse(body)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new TokenRequestError(`${issue?.path.join('.') || 'the body'}: ${issue?.message ?? 'is not valid'}`)
}

function denied(message: string): RegistryError {
  return new RegistryError('DENIED', message)
}

function explained(error: unknown): unknown {
  if (error instanceof TokenRequestError)
    return new RegistryError('UNSUPPORTED', error.message, { status: 400, cause: error })
  if (error instanceof AccountStoreError)
    return new RegistryError('UNAVAILABLE', 'tokens can not be read or written now: try again later', {
      cause: error,
    })
  return error
}
