// What a client asks the token endpoint for, read from a query (Docker token specification) or a form (its OAuth2 part).
import type { Request } from 'express'
import { RegistryError } from '../../oci/error.ts'
import { parseScopes, type Scope } from '../../oci/scope.ts'

export const FORM = 'application/x-www-form-urlencoded'
/** Clients ask for one or two: anybody may ask, and every verifier remembers what it saw. */
const MAX_REPOSITORIES = 32

/** How the client says who it is. */
export type Proof =
  | { readonly kind: 'header'; readonly authorization: string | undefined }
  | { readonly kind: 'password'; readonly name: string; readonly password: string }
  | { readonly kind: 'refresh-token'; readonly token: string }

export interface TokenQuestion {
  readonly proof: Proof
  /** What is not understood asks for nothing and is left out. */
  readonly scopes: readonly Scope[]
  readonly wantsRefreshToken: boolean
  /** The answer is to be one of OAuth 2.0 (RFC 6749 §5.1). */
  readonly isOauth: boolean
}

/** Throws 400 for another service than `service`, and for too much at once. */
export function readQuery(req: Request, service: string): TokenQuestion {
  // Not Express's own parser: what it makes of a repeated parameter depends on the app that the router is mounted in.
  const mark = req.originalUrl.indexOf('?')
  const query = new URLSearchParams(mark === -1 ? '' : req.originalUrl.slice(mark + 1))
  requireService(query, service)
  return {
    proof: { kind: 'header', authorization: req.headers.authorization },
    scopes: scopesOf(query),
    wantsRefreshToken: query.get('offline_token') === 'true',
    isOauth: false,
  }
}

/** The same, and 400 for a grant type that is not known. */
export function readForm(req: Request, service: string): TokenQuestion {
  const body: unknown = req.body
  if (typeof body !== 'string') throw badRequest(`the body must be a form of the type ${FORM}`)
  const form = new URLSearchParams(body)
  const proof = proofOf(form)
  requireService(form, service)
  return {
    proof,
    scopes: scopesOf(form),
    wantsRefreshToken: proof.kind === 'password' && form.get('access_type') === 'offline',
    isOauth: true,
  }
}

export function badRequest(message: string): RegistryError {
  return new RegistryError('UNSUPPORTED', message, { status: 400 })
}

function proofOf(form: URLSearchParams): Proof {
  const grantType = form.get('grant_type')
  if (grantType === 'refresh_token') return { kind: 'refresh-token', token: form.get('refresh_token') ?? '' }
  if (grantType !== 'password')
    throw badRequest('only grant_type=password and grant_type=refresh_token are offered')
  return { kind: 'password', name: form.get('username') ?? '', password: form.get('password') ?? '' }
}

function requireService(parameters: URLSearchParams, service: string): void {
  // Some clients leave the service out.
  if (parameters.getAll('service').some((asked) => asked !== '' && asked !== service))
    throw badRequest(`tokens are issued for the service ${JSON.stringify(service)} alone`)
}

function scopesOf(parameters: URLSearchParams): Scope[] {
  const scopes = parseScopes(parameters.getAll('scope'))
  if (scopes.filter(({ type }) => type === 'repository').length > MAX_REPOSITORIES)
    throw badRequest(`a token is for at most ${MAX_REPOSITORIES} repositories; ask for fewer at once`)
  return scopes
}
