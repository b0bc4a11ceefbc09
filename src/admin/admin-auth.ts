// Who may use the admin API: accounts with the `admin` grant, and the commands of this machine with the store's token.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Request, RequestHandler } from 'express'
import type { Identity } from '../access/identity.ts'
import type { Policy } from '../access/policy.ts'
import type { Clause } from '../access/principals.ts'
import { InvalidCredentialError, type Authenticator, type Source } from '../auth/authenticator.ts'
import { undecidedLogin } from '../auth/undecided-login.ts'
import { formatChallenge } from '../oci/challenge.ts'
import { RegistryError } from '../oci/error.ts'

export interface AdminAuthOptions {
  readonly authenticator: Authenticator
  readonly policy: Policy
  /** What the lock files of this process's stores hold. */
  readonly localToken: string
  /** The client's IP address, behind trusted proxies. */
  readonly clientAddress: (req: Request) => string
  /** Told who asks, before it is decided whether they may. */
  readonly onCaller?: (req: Request, caller: AdminCaller) => void
}

/** Who uses the admin API. */
export interface AdminCaller {
  /** `local`: a command of this machine. */
  readonly identity: Identity | 'local'
  /** What grants it. */
  readonly clause: Clause | undefined
}

/** Lets through who may administer. Others get 401 with a Basic challenge, or 403; failures go to `next`. */
export function requireAdmin(options: AdminAuthOptions): RequestHandler {
  return async (req, _res, next) => {
    const { identity, clause } = await identifyCaller(options, req)
    if (identity === 'local' || clause) return next()
    if (identity.name === undefined) throw loginChallenge('log in with an account that has the admin grant')
    throw new RegistryError('DENIED', 'the account has no admin grant')
  }
}

/** Who asks, and what makes it an administrator. Rejects with 401 for credentials that are not valid. */
export async function identifyCaller(options: AdminAuthOptions, req: Request): Promise<AdminCaller> {
  const { authenticator, policy, localToken, clientAddress, onCaller } = options
  const { authorization, host } = req.headers
  const find = async (): Promise<AdminCaller> => {
    if (isLocal(authorization, localToken)) return { identity: 'local', clause: undefined }
    const address = clientAddress(req)
    const identity = await identify(authenticator, authorization, { address, host })
    return { identity, clause: policy.adminClauseFor({ identity, address }) }
  }
  const caller = await find()
  onCaller?.(req, caller)
  return caller
}

async function identify(authenticator: Authenticator, authorization: string | undefined, source: Source) {
  try {
    return await authenticator.authenticate(authorization, source)
  } catch (error) {
    if (error instanceof InvalidCredentialError) throw loginChallenge('the credentials are not valid', error)
    throw undecidedLogin(error) ?? error
  }
}

function isLocal(authorization: string | undefined, token: string): boolean {
  const presented = /^Local (\S+)$/.exec(authorization ?? '')?.[1]
  // Hashed first: timingSafeEqual wants equal lengths.
  return presented !== undefined && timingSafeEqual(sha256(presented), sha256(token))
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

/** 401, for Basic credentials. */
export function loginChallenge(message: string, cause?: unknown): RegistryError {
  return new RegistryError('UNAUTHORIZED', message, {
    headers: { 'WWW-Authenticate': formatChallenge('Basic', { realm: 'dockgate admin' }) },
    cause,
  })
}
