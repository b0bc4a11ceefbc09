// The token endpoint, `GET` and `POST /token` (Docker token specification; the form is that of its OAuth2 part).
import { Router, text, type Request, type RequestHandler, type Response } from 'express'
import type { JSONWebKeySet } from 'jose'
import type { Identity } from '../access/identity.ts'
import { RegistryError } from '../oci/error.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import { answerQuestion, type TokenAnswerOptions, type TokenIssue } from './token/token-answer.ts'
import { answerError } from './token/token-errors.ts'
import { identify, type TokenLoginOptions } from './token/token-login.ts'
import { FORM, readForm, readQuery, type TokenQuestion } from './token/token-question.ts'
import { wantedRepository } from './token/wanted-repository.ts'

const MAX_FORM_BYTES = 64 * 1024
/** Verifiers ask for an unknown key at once, whatever they keep. */
const KEYS_MAX_AGE_SECONDS = 300

export interface TokenRouterOptions extends TokenLoginOptions, TokenAnswerOptions {
  /** The service that challenges name; tokens are issued for no other. */
  readonly service: string
  /** The public keys, for others who verify our tokens. */
  readonly keys?: { toJwks(): JSONWebKeySet } | undefined
  /** The repository that a name in a scope means on the host that was asked; by default the name itself. Throws for none. */
  readonly canonicalName?: (req: Request, name: RepositoryName) => RepositoryName
  /** Who showed a certificate when the connection was opened; asked where no other proof comes. */
  readonly certificateOf?: ((req: Request) => Identity | undefined) | undefined
  /** The client's address: grants may ask for it, and clients take turns at having passwords checked. */
  readonly clientAddress?: (req: Request) => string | undefined
  /** Told of each token before it is sent; for the record of the request. */
  readonly onIssue?: (req: Request, issue: TokenIssue) => void
}

/** Issues tokens for `$anonymous` without credentials. Failures are answered as `/v2/` does; others go to `next`. */
export function tokenRouter(options: TokenRouterOptions): Router {
  const { service, keys } = options
  const router = Router()
  router
    .route('/token')
    .all(setHeaders)
    .get((req, res) => answer(options, req, res, readQuery(req, service)))
    .post(text({ type: FORM, limit: MAX_FORM_BYTES, inflate: false }), (req, res) =>
      answer(options, req, res, readForm(req, service)),
    )
    .all(() => {
      throw new RegistryError('UNSUPPORTED', 'a token is asked for by GET or POST', {
        headers: { Allow: 'GET, POST' },
      })
    })
  if (keys)
    router.get('/token/jwks', (_req, res) => {
      res.set('Cache-Control', `public, max-age=${KEYS_MAX_AGE_SECONDS}`).json(keys.toJwks())
    })
  router.use('/token', answerError(service))
  return router
}

const setHeaders: RequestHandler = (_req, res, next) => {
  res.set({ 'Cache-Control': 'no-store', 'Docker-Distribution-Api-Version': 'registry/2.0' })
  next()
}

async function answer(
  options: TokenRouterOptions,
  req: Request,
  res: Response,
  question: TokenQuestion,
): Promise<void> {
  const { canonicalName, clientAddress, onIssue } = options
  const address = clientAddress?.(req)
  const nameOf = (name: RepositoryName) => (canonicalName ? canonicalName(req, name) : name)
  const repository = wantedRepository(question.scopes, nameOf)
  const identity =
    shownIdentity(options, req, question) ??
    (await identify(options, question.proof, { address, host: req.headers.host, repository }))
  const { body, ...issue } = await answerQuestion(options, question, { identity, address }, nameOf)
  onIssue?.(req, issue)
  res.json(body)
}

function shownIdentity(
  { certificateOf }: TokenRouterOptions,
  req: Request,
  { proof }: TokenQuestion,
): Identity | undefined {
  const isBare = proof.kind === 'header' && proof.authorization === undefined
  return isBare ? certificateOf?.(req) : undefined
}
