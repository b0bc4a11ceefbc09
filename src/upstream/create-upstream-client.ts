// Builds the client of one upstream out of its parts.
import { digestOf, parseDigest, algorithmOf, type Digest } from '../oci/digest.ts'
import { MAX_MANIFEST_BYTES, parseManifest } from '../oci/manifest.ts'
import { essenceOf, MANIFEST_TYPES } from '../oci/media-type.ts'
import { isDigest, type Reference } from '../oci/reference.ts'
import { referrersTag } from '../oci/referrers-tag.ts'
import { readBody } from './answers.ts'
import { createAuthorization, type Authorization } from './authorization.ts'
import { openBlob, statBlob } from './blobs.ts'
import { Endpoint } from './endpoint.ts'
import { UpstreamInvalidAnswerError, UpstreamNotFoundError } from './errors.ts'
import { budgetOf, failingOver } from './fail-over.ts'
import { listReferrers, listRepositories, listTags } from './lists.ts'
import { createLoginAhead, type LoginAhead } from './login-ahead.ts'
import { createMintedAuthorization, type MintToken } from './minted-authorization.ts'
import { readRateLimit } from './rate-limit.ts'
import { fixedLogin, type Credentials, type LoginSource, type Renewable } from './login/login-source.ts'
import { createTokenAuthorization } from './token-authorization.ts'
import { createTokenSource } from './token-source.ts'
import { allowedRealm } from './realm.ts'
import {
  createTransport,
  type Transport,
  type TransportOptions,
  type TransportResponse,
} from './transport.ts'
import type { BudgetOptions } from './budget.ts'
import type { Caller } from './caller.ts'
import type { Action } from '../oci/scope.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { UpstreamClient, UpstreamManifest } from './client.ts'

export interface UpstreamClientOptions extends TransportOptions {
  /** `https://registry-1.docker.io`; a path goes before `/v2/`. */
  readonly url: string | URL
  /** The same registry elsewhere, asked in this order while those before do not answer. */
  readonly fallbackUrls?: readonly (string | URL)[]
  /** Sent to the upstream and its token service, nowhere else: also to fallbacks in its domain or on `allowedRealms`. */
  readonly credentials?: Credentials | LoginSource
  /** One token for everything, sent to the upstream as it stands, in place of credentials. */
  readonly token?: Renewable<string>
  /** Hosts of token services that are neither on the upstream's host nor under its domain: `auth.example.com[:port]`. */
  readonly allowedRealms?: readonly string[]
  /** Makes the tokens that the upstream takes; then nobody is asked for any, and there are no credentials. */
  readonly mint?: MintToken
  readonly budget?: BudgetOptions
  /** Told when an URL (`address`) is given up after failures, and when it is back. */
  readonly onChange?: (endpoint: { readonly address: string; readonly isDown: boolean }) => void
}

/** A client, and its login for those who send requests by themselves. */
export interface UpstreamAccess {
  readonly client: UpstreamClient
  readonly login: LoginAhead
}

const MANIFEST_ACCEPT = MANIFEST_TYPES.join(', ')

export function createUpstreamClient(options: UpstreamClientOptions): UpstreamClient {
  return createUpstreamAccess(options).client
}

export function createUpstreamAccess(options: UpstreamClientOptions): UpstreamAccess {
  const first = openEndpoint(options)
  const rest = (options.fallbackUrls ?? []).map((url) => openEndpoint(fallbackOf(options, url)).endpoint)
  return { client: clientOf([first.endpoint, ...rest]), login: createLoginAhead(first) }
}

function openEndpoint(options: UpstreamClientOptions) {
  const base = baseUrl(options.url)
  const transport = createTransport(base, options)
  const login = loginSourceOf(options.credentials)
  const authorization = authorizationOf(options, { base, transport, login })
  const endpoint = new Endpoint({
    base,
    transport,
    authorization,
    hasSubstitute: (options.fallbackUrls ?? []).length > 0,
    budget: options.budget,
    onChange: (isDown) => options.onChange?.({ address: base.href, isDown }),
  })
  return { endpoint, base, transport, authorization, login }
}

function loginSourceOf(credentials: UpstreamClientOptions['credentials']): LoginSource | undefined {
  return credentials && 'username' in credentials ? fixedLogin(credentials) : credentials
}

function authorizationOf(
  { mint, token, allowedRealms = [] }: UpstreamClientOptions,
  { base, transport, login }: { base: URL; transport: Transport; login: LoginSource | undefined },
): Authorization {
  if (mint) return createMintedAuthorization(mint)
  if (token) return createTokenAuthorization(base, token)
  const tokens = createTokenSource({ transport, login })
  return createAuthorization({ upstream: base, tokens, allowedRealms, login })
}

/** The login is the first URL's: who else may be sent it is said as for token services. */
export function isTrustedFallback(
  { url: first, allowedRealms = [] }: Pick<UpstreamClientOptions, 'url' | 'allowedRealms'>,
  url: string | URL,
): boolean {
  return allowedRealm(String(url), baseUrl(first), allowedRealms) !== undefined
}

function fallbackOf(options: UpstreamClientOptions, url: string | URL): UpstreamClientOptions {
  const { credentials: _password, token: _token, identity: _own, ...anonymous } = options
  return { ...(isTrustedFallback(options, url) ? options : anonymous), url }
}

function clientOf(endpoints: readonly [Endpoint, ...Endpoint[]]): UpstreamClient {
  const call = failingOver(endpoints)
  return {
    address: endpoints[0].base.href,
    budget: budgetOf(endpoints),
    endpoints: () => endpoints.map(({ base, isDown, budget }) => ({ address: base.href, isDown, budget })),
    async ping({ signal } = {}) {
      const response = await call({ method: 'GET', path: '', scope: '', signal })
      await response.discard()
    },
    getManifest: (name, reference, { signal } = {}) => getManifest(call, name, reference, signal),
    async headManifest(name, reference, { signal } = {}) {
      const { path, scope } = manifestAt(name, reference, 'pull')
      const response = await call({
        method: 'HEAD',
        path,
        scope,
        headers: { accept: MANIFEST_ACCEPT },
        signal,
      })
      await response.discard()
      const length = response.header('content-length')
      const type = response.header('content-type')
      return {
        digest: announcedDigest(response),
        mediaType: type === undefined ? undefined : essenceOf(type),
        size: length === undefined ? undefined : Number(length),
        rateLimit: readRateLimit(response.header),
      }
    },
    async putManifest(name, reference, { mediaType, bytes }, { signal } = {}) {
      const at = manifestAt(name, reference, 'pull', 'push')
      const headers = { 'content-type': mediaType }
      const response = await call({ method: 'PUT', ...at, headers, body: bytes, signal })
      await response.discard()
      const digest = digestOf(bytes, isDigest(reference) ? algorithmOf(reference) : 'sha256')
      return { digest, subject: parseDigest(response.header('oci-subject') ?? '') }
    },
    async deleteManifest(name, reference, { signal } = {}) {
      const response = await call({ method: 'DELETE', ...manifestAt(name, reference, 'delete'), signal })
      await response.discard()
    },
    openBlob: (name, digest, { signal, range } = {}) =>
      openBlob(call, { ...blobAt(name, digest, 'pull'), signal }, range),
    statBlob: (name, digest, { signal } = {}) => statBlob(call, { ...blobAt(name, digest, 'pull'), signal }),
    async deleteBlob(name, digest, { signal } = {}) {
      const response = await call({ method: 'DELETE', ...blobAt(name, digest, 'delete'), signal })
      await response.discard()
    },
    listTags: (name, page, { signal } = {}) =>
      listTags(call, name, page, { scope: scopeOf(name, 'pull'), signal }),
    listRepositories: (page, { signal } = {}) =>
      listRepositories(call, page, { scope: 'registry:catalog:*', signal }),
    async listReferrers(name, subject, { signal } = {}) {
      const path = `${name}/referrers/${subject}`
      const listed = await listReferrers(call, path, { scope: scopeOf(name, 'pull'), signal })
      return listed ?? taggedReferrers(call, name, subject, signal)
    },
    close: async () => void (await Promise.all(endpoints.map((endpoint) => endpoint.close()))),
  }
}

async function getManifest(
  call: Caller,
  name: RepositoryName,
  reference: Reference,
  signal: AbortSignal | undefined,
): Promise<UpstreamManifest> {
  const at = manifestAt(name, reference, 'pull')
  const headers = { accept: MANIFEST_ACCEPT }
  const response = await call({ method: 'GET', ...at, headers, signal, isPull: true })
  const bytes = await readBody(response, MAX_MANIFEST_BYTES)
  const expected = isDigest(reference) ? reference : announcedDigest(response)
  const digest = digestOf(bytes, expected && algorithmOf(expected))
  if (expected !== undefined && digest !== expected)
    throw new UpstreamInvalidAnswerError(`${response.url.host} answered ${digest} where ${expected} was due`)
  const mediaType = mediaTypeOf(response, bytes)
  return { digest, mediaType, bytes, rateLimit: readRateLimit(response.header) }
}

function mediaTypeOf(response: TransportResponse, bytes: Uint8Array): string {
  const type = essenceOf(response.header('content-type') ?? '')
  try {
    // Some upstreams serve manifests as plain JSON: then the manifest itself says what it is.
    return parseManifest(bytes, MANIFEST_TYPES.includes(type) ? type : undefined).mediaType
  } catch (cause) {
    throw new UpstreamInvalidAnswerError(`${response.url.host} answered something that is no manifest`, {
      cause,
    })
  }
}

async function taggedReferrers(
  call: Caller,
  name: RepositoryName,
  subject: Digest,
  signal: AbortSignal | undefined,
) {
  try {
    const { bytes, mediaType } = await getManifest(call, name, referrersTag(subject), signal)
    return parseManifest(bytes, mediaType).manifests
  } catch (error) {
    if (error instanceof UpstreamNotFoundError) return []
    throw error
  }
}

function announcedDigest(response: TransportResponse): Digest | undefined {
  return parseDigest(response.header('docker-content-digest') ?? '')
}

function manifestAt(name: RepositoryName, reference: Reference, ...actions: Action[]) {
  return { path: `${name}/manifests/${reference}`, scope: scopeOf(name, ...actions) }
}

function blobAt(name: RepositoryName, digest: Digest, ...actions: Action[]) {
  return { path: `${name}/blobs/${digest}`, scope: scopeOf(name, ...actions) }
}

function scopeOf(name: RepositoryName, ...actions: Action[]): string {
  return `repository:${name}:${actions.join(',')}`
}

function baseUrl(url: string | URL): URL {
  const base = new URL(url)
  if (!base.pathname.endsWith('/')) base.pathname += '/'
  // Credentials have their own option: in the URL they would end in messages.
  base.username = ''
  base.password = ''
  base.search = ''
  base.hash = ''
  return base
}
