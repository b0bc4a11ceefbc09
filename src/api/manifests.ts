// Manifests: distribution-spec end-3 (GET, HEAD), end-7 (PUT), end-9 (DELETE).
import type { ServerResponse } from 'node:http'
import { RegistryError } from '../oci/error.ts'
import { MAX_MANIFEST_BYTES } from '../oci/manifest.ts'
import { isDigest, parseTag, type Tag } from '../oci/reference.ts'
import { formatWarning } from '../oci/warning.ts'
import type { CacheVerdict, Manifest, ManifestAnswer } from '../core/registry.ts'
import { readBody } from './body.ts'
import { isKnown } from './conditions.ts'
import type { RepositoryExchange } from './exchange.ts'
import { COMMON_HEADERS, respondEmpty } from './respond.ts'
import type { RepositoryRoute } from './route.ts'

/** distribution-spec end-7b wants at least ten. */
const MAX_TAGS = 50

type ManifestExchange = RepositoryExchange<Extract<RepositoryRoute, { kind: 'manifest' }>>

/** `GET` and `HEAD /v2/<name>/manifests/<reference>`. Answers at once what memory holds. */
export function getManifest(exchange: ManifestExchange): Promise<void> | undefined {
  const { repository, route, target, context } = exchange
  const known = target.registry.peekManifest?.(repository, route.reference, context)
  if (known) return respondManifest(exchange, known)
  const found = target.registry.getManifest(repository, route.reference, context)
  return found.then((answer) => respondManifest(exchange, answer))
}

function respondManifest({ req, res, record }: ManifestExchange, answer: ManifestAnswer): undefined {
  const { manifest, cache } = answer
  record.cache = cache
  const headers = headersOf(answer)
  if (isKnown(req, manifest.digest)) res.writeHead(304, headers).end()
  else if (req.method === 'HEAD') res.writeHead(200, headers).end()
  else endWith(res.writeHead(200, headers), manifest)
}

/** `PUT /v2/<name>/manifests/<reference>`; by digest also with tags: `?tag=a&tag=b`. */
export async function putManifest(exchange: ManifestExchange): Promise<void> {
  const { req, res, repository, route, target, context, record } = exchange
  const tags = tagParameters(exchange)
  const bytes = await readBody(req, res, { maxBytes: MAX_MANIFEST_BYTES, budget: exchange.bodies })
  const manifest = { mediaType: req.headers['content-type'], bytes, ...(tags.length > 0 ? { tags } : {}) }
  const { digest, subject } = await target.registry.putManifest(
    repository,
    route.reference,
    manifest,
    context,
  )
  record.digest = digest
  respondEmpty(res, 201, [
    'Location',
    `${exchange.origin}/v2/${route.name}/manifests/${digest}`,
    'Docker-Content-Digest',
    digest,
    ...(subject === undefined ? [] : ['OCI-Subject', subject]),
    ...tags.flatMap((tag) => ['OCI-Tag', tag]),
  ])
}

/** A push by tag takes no further ones; that no `OCI-Tag` comes back tells the client. */
function tagParameters({ query, route }: ManifestExchange): readonly Tag[] {
  if (query.size === 0 || !isDigest(route.reference)) return []
  const texts = new Set(query.getAll('tag'))
  if (texts.size > MAX_TAGS)
    throw new RegistryError('TAG_INVALID', `more than ${MAX_TAGS} tags in one request`, { status: 414 })
  return [...texts].map((text) => {
    const tag = parseTag(text)
    if (tag !== undefined) return tag
    throw new RegistryError(
      'TAG_INVALID',
      'a query parameter "tag" is malformed or longer than 128 characters',
    )
  })
}

/** `DELETE /v2/<name>/manifests/<reference>`. */
export async function deleteManifest(exchange: ManifestExchange): Promise<void> {
  await exchange.target.registry.deleteManifest(
    exchange.repository,
    exchange.route.reference,
    exchange.context,
  )
  respondEmpty(exchange.res, 202)
}

/** Larger ones are sent as the bytes they are. */
const MAX_TEXT_BYTES = 16 * 1024

/** Bytes as characters of the same number, made once for a manifest. */
const texts = new WeakMap<Manifest, string>()

/**
 * Sends the body. Node puts a text into one write with the headers, so into one TLS record: of a hit's whole costs a
 * sixth less than with a buffer, which it sends behind them by `writev`.
 */
function endWith(res: ServerResponse, manifest: Manifest): void {
  const { bytes } = manifest
  if (bytes.length > MAX_TEXT_BYTES) return void res.end(bytes)
  let text = texts.get(manifest)
  if (text === undefined) texts.set(manifest, (text = Buffer.from(bytes).toString('latin1')))
  res.end(text, 'latin1')
}

/** Lists built once for a manifest and a verdict: a hit sends the same headers again and again. */
const prebuilt = new WeakMap<Manifest, Map<CacheVerdict, string[]>>()

function headersOf({ manifest, cache, ageSeconds, warning }: ManifestAnswer): string[] {
  let byVerdict = prebuilt.get(manifest)
  if (!byVerdict) prebuilt.set(manifest, (byVerdict = new Map()))
  let headers = byVerdict.get(cache)
  if (!headers) byVerdict.set(cache, (headers = buildHeaders(manifest, cache)))
  if (ageSeconds === undefined && warning === undefined) return headers
  const all = [...headers]
  if (ageSeconds !== undefined) all.push('Age', String(ageSeconds))
  if (warning !== undefined) all.push('Warning', formatWarning(warning))
  return all
}

function buildHeaders({ digest, mediaType, bytes }: Manifest, cache: CacheVerdict): string[] {
  return [
    ...COMMON_HEADERS,
    'Content-Type',
    mediaType,
    'Content-Length',
    String(bytes.length),
    'Docker-Content-Digest',
    digest,
    'ETag',
    `"${digest}"`,
    'X-Cache',
    cache,
  ]
}
