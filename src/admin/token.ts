// The token endpoint, `GET` and `POST /token` (Docker token specification; the form is that of its OAuth2 part).
import {
  Router,
  text,
  type ErrorRequestHandler,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import { grantedScopes } from '../access/granted-scopes.ts'
import type { Identity } from '../access/identity.ts'
import type { Policy } from '../access/policy.ts'
import { AuthenticationBusyError, InvalidCredentialError, type Authenticator } from '../auth/authenticator.ts'
import { formatBasicCredentials } from '../auth/basic-credentials.ts'
import { MAX_AUTHORIZATION_LENGTH } from '../auth/create-authenticator.ts'
import type { IssuedToken, TokenRequest } from '../auth/token-issuer.ts'
import { formatChallenge } from '../oci/challenge.ts'
import { RegistryError } from '../oci/error.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import { parseScopes, type Scope } from '../oci/scope.ts'

const FORM = 'application/x-www-form-urlencoded'
const MAX_FORM_BYTES = 64 * 1024
/** Clients ask for one or two: anybody may ask, and every verifier remembers what it saw. */
const MAX_REPOSITORIES = 32

export interface TokenRouterOptions {
  readonly authenticator: Authenticator
  readonly policy: Policy
  readonly issuer: { issue(request: TokenRequest): Promise<IssuedToken> }
  /** The service that challenges name; tokens are issued for no other. */
  readonly service: string
  /** The repository that a name in a scope means on the host that was asked; by default the name itself. Throws for none. */
  readonly canonicalName?: (req: Request, name: RepositoryName) => RepositoryName
  /** The client's address, so that clients take turns at having passwords checked; without it they all count as one. */
  readonly clientAddress?: (req: Request) => string | undefined
  /** Told of each token before it is sent; for the record of the request. */
  readonly onIssue?: (req: Request, issue: TokenIssue) => void
}

/** Who got a token, and for what. */
export interface TokenIssue {
  readonly identity: Identity
  /** What is left of the scopes that were asked for. */
  readonly scopes: readonly Scope[]
}

/** Issues tokens for `$anonymous` without credentials. Failures are answered as `/v2/` does; others go to `next`. */
export function tokenRouter(options: TokenRouterOptions): Router {
  const router = Router()
  router
    .route('/token')
    .all(setHeaders)
    .get(async (req, res) => {
      const identity = await identify(options, req, req.headers.authorization)
      await answer(options, req, res, identity, readQuery(req))
    })
    .post(text({ type: FORM, limit: MAX_FORM_BYTES, inflate: false }), async (req, res) => {
      const form = readForm(req)
      const identity = await identify(options, req, readPassword(form))
      await answer(options, req, res, identity, form)
    })
    .all(() => {
      throw new RegistryError('UNSUPPORTED', 'a token is asked for by GET or POST', {
        headers: { Allow: 'GET, POST' },
      })
    })
  router.use('/token', answerError(options.service))
  return router
}

const setHeaders: RequestHandler = (_req, res, next) => {
  res.set({ 'Cache-Control': 'no-store', 'Docker-Distribution-Api-Version': 'registry/2.0' })
  next()
}

async function identify(
  { authenticator, clientAddress }: TokenRouterOptions,
  req: Request,
  authorization: string | undefined,
): Promise<Identity> {
  const identity = await authenticator.authenticate(authorization, clientAddress?.(req))
  // Otherwise a token that leaked could be renewed for ever.
  if (identity.method === 'bearer') throw new InvalidCredentialError('a token does not buy another one')
  return identity
}

async function answer(
  { policy, issuer, service, canonicalName, onIssue }: TokenRouterOptions,
  req: Request,
  res: Response,
  identity: Identity,
  parameters: URLSearchParams,
): Promise<void> {
  // Some clients leave the service out.
  if (parameters.getAll('service').some((asked) => asked !== '' && asked !== service))
    throw badRequest(`tokens are issued for the service ${JSON.stringify(service)} alone`)
  const asked = parseScopes(parameters.getAll('scope'))
  if (asked.filter(({ type }) => type === 'repository').length > MAX_REPOSITORIES)
    throw badRequest(`a token is for at most ${MAX_REPOSITORIES} repositories; ask for fewer at once`)
  const named = canonicalName
    ? asked.flatMap((scope) => renamed(scope, (name) => canonicalName(req, name)))
    : asked
  const scopes = grantedScopes(policy, identity, named)
  const { token, issuedAt, expiresInSeconds } = await issuer.issue({ subject: identity.name, scopes })
  if (`Bearer ${token}`.length > MAX_AUTHORIZATION_LENGTH)
    throw badRequest('a token can not hold scopes of that length; ask for fewer at once')
  onIssue?.(req, { identity, scopes })
  // Older clients read `token`, OAuth2 clients `access_token`.
  res.json({ token, access_token: token, expires_in: expiresInSeconds, issued_at: issuedAt.toISOString() })
}

/** A scope for a name that means nothing here asks for nothing. */
function renamed(scope: Scope, canonicalName: (name: RepositoryName) => RepositoryName): Scope[] {
  if (scope.type !== 'repository') return [scope]
  try {
    return [{ ...scope, name: canonicalName(scope.name) }]
  } catch {
    return []
  }
}

/** Not Express's own parser: what it makes of a repeated parameter depends on the app that the router is mounted in. */
function readQuery(req: Request): URLSearchParams {
  const question = req.originalUrl.indexOf('?')
  return new URLSearchParams(question === -1 ? '' : req.originalUrl.slice(question + 1))
}

function readForm(req: Request): URLSearchParams {
  const body: unknown = req.body
  if (typeof body !== 'string') throw badRequest(`the body must be a form of the type ${FORM}`)
  return new URLSearchParams(body)
}

/** The form's name and password, as the header that says the same. */
function readPassword(form: URLSearchParams): string {
  // Refresh tokens are not issued, so none that comes (dockerd sends a mirror those of Docker Hub) is ours.
  if (form.get('grant_type') !== 'password') throw badRequest('only grant_type=password is offered')
  const header = formatBasicCredentials({
    name: form.get('username') ?? '',
    password: form.get('password') ?? '',
  })
  if (header === undefined) throw new InvalidCredentialError('a name holds no colon')
  return header
}

function badRequest(message: string): RegistryError {
  return new RegistryError('UNSUPPORTED', message, { status: 400 })
}

function answerError(service: string): ErrorRequestHandler {
  return (error: unknown, _req, res, next) => {
    const failure = toRegistryError(error, service)
    if (!failure || res.headersSent) next(error)
    else res.status(failure.status).set(failure.headers).json(failure)
  }
}

/** What the client is told; undefined for a bug, which is not ours to answer. */
function toRegistryError(error: unknown, service: string): RegistryError | undefined {
  if (error instanceof RegistryError) return error
  if (error instanceof InvalidCredentialError)
    return new RegistryError('UNAUTHORIZED', 'the name or the password is wrong', {
      headers: { 'WWW-Authenticate': formatChallenge('Basic', { realm: service }) },
      cause: error,
    })
  if (error instanceof AuthenticationBusyError)
    return new RegistryError('UNAVAILABLE', error.message, {
      headers: { 'Retry-After': String(error.retryAfterSeconds) },
      cause: error,
    })
  // The body parser's: too large, cut off, of an unknown character set or encoding.
  if (error instanceof Error && 'status' in error && typeof error.status === 'number' && error.status < 500)
    return new RegistryError('UNSUPPORTED', 'the form can not be read', {
      status: error.status,
      cause: error,
    })
  return undefined
}
