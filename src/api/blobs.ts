// Blobs: distribution-spec end-2 (GET, HEAD), end-10 (DELETE).
import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { parseRange, type ByteRange } from '../oci/byte-range.ts'
import type { Digest } from '../oci/digest.ts'
import { RegistryError } from '../oci/error.ts'
import type { OpenBlob } from '../core/registry.ts'
import { isSendable } from '../storage/driver.ts'
import { isModest, multipartOf } from './byte-ranges.ts'
import { isKnown } from './conditions.ts'
import type { RepositoryExchange } from './exchange.ts'
import { COMMON_HEADERS, respondEmpty } from './respond.ts'
import type { RepositoryRoute } from './route.ts'

type BlobExchange = RepositoryExchange<Extract<RepositoryRoute, { kind: 'blob' }>>

/** `HEAD /v2/<name>/blobs/<digest>`. */
export async function headBlob(exchange: BlobExchange): Promise<void> {
  const { req, res, repository, route, target, context, record } = exchange
  const { size, cache } = await target.registry.statBlob(repository, route.digest, context)
  record.cache = cache
  if (isKnown(req, route.digest)) res.writeHead(304, headersOf(route.digest, cache))
  else res.writeHead(200, headersOf(route.digest, cache, size))
  res.end()
}

/** `GET /v2/<name>/blobs/<digest>`, whole or ranges of it. */
export async function getBlob(exchange: BlobExchange): Promise<void> {
  const { req, res, repository, route, target, context, record } = exchange
  const blob = await target.registry.openBlob(repository, route.digest, context)
  try {
    record.cache = blob.cache
    if (blob.redirectUrl) return respondEmpty(res, 307, ['Location', blob.redirectUrl.href])
    if (isKnown(req, route.digest)) {
      res.writeHead(304, headersOf(route.digest, blob.cache))
      return void res.end()
    }
    await sendBlob(res, route.digest, blob, rangesOf(exchange, blob.size))
  } finally {
    blob.release()
  }
}

/** `DELETE /v2/<name>/blobs/<digest>`. */
export async function deleteBlob({ res, repository, route, target, context }: BlobExchange): Promise<void> {
  await target.registry.deleteBlob(repository, route.digest, context)
  respondEmpty(res, 202)
}

function rangesOf({ req, route }: BlobExchange, size: number): readonly ByteRange[] | undefined {
  const ifRange = req.headers['if-range']
  if (ifRange !== undefined && !ifRange.includes(route.digest)) return undefined
  return parseRange(req.headers.range, size)
}

async function sendBlob(
  res: ServerResponse,
  digest: Digest,
  blob: OpenBlob,
  ranges: readonly ByteRange[] | undefined,
): Promise<void> {
  if (ranges?.length === 0)
    throw new RegistryError('RANGE_INVALID', `the blob has ${blob.size} bytes: none of them was asked for`, {
      headers: { 'Content-Range': `bytes */${blob.size}` },
    })
  if (ranges && ranges.length > 1 && isModest(ranges, blob.size)) return sendRanges(res, digest, blob, ranges)
  const range = ranges?.length === 1 ? ranges[0] : undefined
  const body = await blob.read(range)
  if (range) {
    const contentRange = ['Content-Range', `bytes ${range.start}-${range.end}/${blob.size}`]
    res.writeHead(206, [...headersOf(digest, blob.cache, range.end - range.start + 1), ...contentRange])
  } else res.writeHead(200, headersOf(digest, blob.cache, blob.size))
  await sendBody(body, res)
}

async function sendBody(body: Readable, res: ServerResponse): Promise<void> {
  if (!isSendable(body)) return pipeline(body, res)
  await body.sendTo(res)
  res.end()
}

async function sendRanges(
  res: ServerResponse,
  digest: Digest,
  blob: OpenBlob,
  ranges: readonly ByteRange[],
): Promise<void> {
  const body = multipartOf(ranges, blob.size, (range) => blob.read(range))
  res.writeHead(206, headersOf(digest, blob.cache, body.length, body.contentType))
  await pipeline(body.read(), res)
}

function headersOf(
  digest: Digest,
  cache: string,
  length?: number,
  contentType = 'application/octet-stream',
): string[] {
  return [
    ...COMMON_HEADERS,
    'Content-Type',
    contentType,
    ...(length === undefined ? [] : ['Content-Length', String(length)]),
    'Docker-Content-Digest',
    digest,
    'ETag',
    `"${digest}"`,
    'Cache-Control',
    // Only who may pull here may keep a copy, and a digest's bytes never change.
    'private, max-age=31536000, immutable',
    'Accept-Ranges',
    'bytes',
    'X-Cache',
    cache,
  ]
}
