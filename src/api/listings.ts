// Listings: tags (distribution-spec end-8), referrers (end-12), and registry:2's catalog.
import { parseDigest } from '../oci/digest.ts'
import { RegistryError } from '../oci/error.ts'
import { OCI_INDEX } from '../oci/media-type.ts'
import type { Page, PageRequest, ReferrersRequest } from '../core/registry.ts'
import type { RoutedRegistry } from '../core/routed.ts'
import type { Exchange, RepositoryExchange } from './exchange.ts'
import { respondJson } from './respond.ts'
import type { RepositoryRoute } from './route.ts'

/** More in one page is answered with less, and a link to the rest. */
const MAX_PAGE = 1000
const DEFAULT_CATALOG_PAGE = 100

/** `GET /v2/<name>/tags/list`. */
export async function listTags(
  exchange: RepositoryExchange<Extract<RepositoryRoute, { kind: 'tags' }>>,
): Promise<void> {
  const { req, res, query, repository, route, target, context } = exchange
  const request = pageRequest(query, MAX_PAGE)
  const page = await target.registry.listTags(repository, request, context)
  respondJson(req, res, 200, { name: route.name, tags: page.items }, nextLink(exchange, request, page))
}

/** `GET /v2/_catalog`: only what the caller may pull. */
export async function listRepositories(exchange: Exchange, registry: RoutedRegistry): Promise<void> {
  const { req, res, query, context, caller, guard } = exchange
  const request = pageRequest(query, DEFAULT_CATALOG_PAGE)
  const page = await registry.listRepositories(request, context, (repository) =>
    guard.maySee(caller, repository),
  )
  respondJson(req, res, 200, { repositories: page.items }, nextLink(exchange, request, page))
}

/** `GET /v2/<name>/referrers/<digest>`: an index, empty for a digest nobody refers to. */
export async function listReferrers(
  exchange: RepositoryExchange<Extract<RepositoryRoute, { kind: 'referrers' }>>,
): Promise<void> {
  const { req, res, query, repository, route, target, context } = exchange
  const request = referrersRequest(query)
  const answer = await target.registry.listReferrers(repository, route.digest, request, context)
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: answer.descriptors }
  respondJson(req, res, 200, index, [
    'Content-Type',
    OCI_INDEX,
    ...(answer.filtered ? ['OCI-Filters-Applied', 'artifactType'] : []),
    ...(answer.next === undefined ? [] : linkTo(exchange, { last: answer.next })),
  ])
}

/** The spec leaves open how pages are asked for; `n` and `last` as in other lists. */
function referrersRequest(query: URLSearchParams): ReferrersRequest {
  if (query.size === 0) return {}
  const artifactType = query.get('artifactType')
  const last = parseDigest(query.get('last') ?? '')
  if (query.has('last') && last === undefined)
    throw new RegistryError('DIGEST_INVALID', 'the query parameter "last" is not a valid digest')
  return {
    ...(artifactType === null ? {} : { artifactType }),
    ...(query.has('n') ? { limit: pageRequest(query, MAX_PAGE).limit } : {}),
    ...(last === undefined ? {} : { last }),
  }
}

function pageRequest(query: URLSearchParams, defaultLimit: number): PageRequest {
  const n = query.get('n')
  const last = query.get('last')
  // registry:2 ignores what is no number; a negative one is a mistake worth telling.
  if (n !== null && /^-\d+$/.test(n))
    throw new RegistryError('PAGINATION_NUMBER_INVALID', 'the query parameter "n" is negative')
  const asked = n !== null && /^\d+$/.test(n) ? Number(n) : defaultLimit
  return { limit: Math.min(asked, MAX_PAGE), ...(last === null ? {} : { last }) }
}

function nextLink(exchange: Exchange, { limit }: PageRequest, { items, more }: Page<string>): string[] {
  const last = items.at(-1)
  return more && last !== undefined ? linkTo(exchange, { last, n: String(limit) }) : []
}

/** RFC 8288; relative, so that it holds behind every proxy. */
function linkTo({ req, query }: Exchange, changes: Readonly<Record<string, string>>): string[] {
  const path = (req.url ?? '').split('?')[0] ?? ''
  const next = new URLSearchParams(query)
  for (const [name, value] of Object.entries(changes)) next.set(name, value)
  return ['Link', `<${path}?${next.toString()}>; rel="next"`]
}
