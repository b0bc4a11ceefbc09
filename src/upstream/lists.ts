// Lists of an upstream: tags, repositories, referrers, page by page (distribution-spec end-8, end-12).
import { readBody, readJson } from './answers.ts'
import { UpstreamInvalidAnswerError, UpstreamNotFoundError } from './errors.ts'
import { parseManifest, type ParsedManifest } from '../oci/manifest.ts'
import { OCI_INDEX } from '../oci/media-type.ts'
import { parseTag, type Tag } from '../oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../oci/repository-name.ts'
import type { Descriptor } from '../oci/descriptor.ts'
import type { ApiCall, Caller } from './caller.ts'
import type { UpstreamPage, UpstreamPageRequest } from './client.ts'
import type { TransportResponse } from './transport.ts'

/** Of one answer; of referrers, over all pages. */
const MAX_LIST_BYTES = 16 * 1024 * 1024
/** More referrers than fit in so many pages are cut off. */
const MAX_REFERRER_PAGES = 20

export async function listTags(
  call: Caller,
  name: RepositoryName,
  page: UpstreamPageRequest,
  options: Pick<ApiCall, 'scope' | 'signal'>,
): Promise<UpstreamPage<Tag>> {
  const path = `${name}/tags/list?${pageQuery(page)}`
  const response = await call({ method: 'GET', path, headers: { accept: 'application/json' }, ...options })
  const { tags } = await readJson(response, MAX_LIST_BYTES)
  const { last = '', limit } = page
  // registry:2 before 3.0 knows neither `n` nor `last` here and answers everything.
  const behind = parsed(tags, parseTag)
    .filter((tag) => tag > last)
    .sort()
  return { items: behind.slice(0, limit), more: behind.length > limit || nextLink(response) !== undefined }
}

export async function listRepositories(
  call: Caller,
  page: UpstreamPageRequest,
  options: Pick<ApiCall, 'scope' | 'signal'>,
): Promise<UpstreamPage<RepositoryName>> {
  const path = `_catalog?${pageQuery(page)}`
  const response = await call({ method: 'GET', path, headers: { accept: 'application/json' }, ...options })
  const { repositories } = await readJson(response, MAX_LIST_BYTES)
  const names = parsed(repositories, parseRepositoryName)
  const items = names.slice(0, page.limit)
  return { items, more: names.length > items.length || nextLink(response) !== undefined }
}

/** Undefined when the upstream has no referrers API. */
export async function listReferrers(
  call: Caller,
  path: string,
  options: Pick<ApiCall, 'scope' | 'signal'>,
): Promise<readonly Descriptor[] | undefined> {
  let found: readonly Descriptor[] = []
  let leftBytes = MAX_LIST_BYTES
  let next: string | undefined = path
  for (let page = 0; next !== undefined && page < MAX_REFERRER_PAGES; page++) {
    try {
      const response: TransportResponse = await call({
        method: 'GET',
        path: next,
        headers: { accept: OCI_INDEX },
        ...options,
      })
      const bytes = await readBody(response, leftBytes)
      leftBytes -= bytes.length
      found = found.concat(indexOf(response, bytes).manifests)
      next = nextLink(response)
    } catch (error) {
      if (page === 0 && error instanceof UpstreamNotFoundError) return undefined
      throw error
    }
  }
  return found
}

function indexOf(response: TransportResponse, bytes: Uint8Array): ParsedManifest {
  try {
    return parseManifest(bytes, OCI_INDEX)
  } catch (cause) {
    throw new UpstreamInvalidAnswerError(`${response.url.host} answered no index of referrers`, { cause })
  }
}

function pageQuery({ limit, last }: UpstreamPageRequest): string {
  return new URLSearchParams({ n: String(limit), ...(last === undefined ? {} : { last }) }).toString()
}

/** The path below `/v2/` that `Link: <…>; rel="next"` names, if it leads to the same upstream (RFC 8288). */
function nextLink(response: TransportResponse): string | undefined {
  const target = nextTarget(response.header('link') ?? '')
  if (target === undefined || !URL.canParse(target, response.url.href)) return undefined
  const url = new URL(target, response.url)
  const start = url.pathname.indexOf('/v2/')
  if (url.origin !== response.url.origin || start < 0) return undefined
  return url.pathname.slice(start + 4) + url.search
}

/** Looks at each byte once, however long a header an upstream sends. */
function nextTarget(header: string): string | undefined {
  for (const [, target, parameters = ''] of header.matchAll(/<([^<>]*)>([^<]*)/g))
    if (/;\s*rel\s*=\s*"?next\b/i.test(parameters)) return target
  return undefined
}

/** The items that are well-formed; the others could not be asked for anyway. */
function parsed<Item>(values: unknown, parse: (text: string) => Item | undefined): Item[] {
  if (!Array.isArray(values)) return []
  return values.flatMap((value: unknown) => (typeof value === 'string' ? (parse(value) ?? []) : []))
}
