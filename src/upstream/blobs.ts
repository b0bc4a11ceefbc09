// Blobs of an upstream: size first, then the bytes or one range of them as a stream.
import { Readable } from 'node:stream'
import { UpstreamInvalidAnswerError } from './errors.ts'
import type { ByteRange } from '../oci/byte-range.ts'
import type { ApiCall, Caller } from './caller.ts'
import type { UpstreamBlob } from './client.ts'
import type { TransportResponse } from './transport.ts'

/** More than any registry takes in one piece: who announces it lies, or is broken. */
const MAX_BLOB_BYTES = 2 ** 40

/** Opens what `blob` points to. The body is the range also where the upstream ignores `Range` (registry:2 as a proxy does). */
export async function openBlob(
  call: Caller,
  blob: Pick<ApiCall, 'path' | 'scope' | 'signal'>,
  range: ByteRange | undefined,
): Promise<UpstreamBlob> {
  const headers = range ? { range: `bytes=${range.start}-${range.end}` } : {}
  const response = await call({ method: 'GET', headers, ...blob })
  try {
    refuseCompressed(response)
    if (range === undefined || response.status !== 206) {
      const size = sizeOf(response)
      return { size, body: range ? cut(response.body, range) : response.body }
    }
    return { size: rangedSize(response, range), body: response.body }
  } catch (error) {
    response.body.destroy()
    throw error
  }
}

export async function statBlob(
  call: Caller,
  blob: Pick<ApiCall, 'path' | 'scope' | 'signal'>,
): Promise<{ size: number }> {
  const response = await call({ method: 'HEAD', ...blob })
  await response.discard()
  refuseCompressed(response)
  return { size: sizeOf(response) }
}

function refuseCompressed(response: TransportResponse): void {
  const encoding = response.header('content-encoding')
  if (encoding !== undefined && encoding !== 'identity')
    throw new UpstreamInvalidAnswerError(`${response.url.host} answered a blob compressed with ${encoding}`)
}

function sizeOf(response: TransportResponse): number {
  const length = response.header('content-length') ?? ''
  if (!/^\d{1,15}$/.test(length))
    throw new UpstreamInvalidAnswerError(`${response.url.host} answered a blob without its length`)
  return credible(response, Number(length))
}

function rangedSize(response: TransportResponse, range: ByteRange): number {
  const match = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(response.header('content-range') ?? '')
  if (!match || Number(match[1]) !== range.start || Number(match[2]) !== range.end)
    throw new UpstreamInvalidAnswerError(`${response.url.host} answered another range than the one asked for`)
  return credible(response, Number(match[3]))
}

function credible({ url }: TransportResponse, size: number): number {
  if (size > MAX_BLOB_BYTES)
    throw new UpstreamInvalidAnswerError(`${url.host} announces a blob of ${size} bytes`)
  return size
}

function cut(body: Readable, { start, end }: ByteRange): Readable {
  const range = Readable.from(piecesOf(body, start, end), { objectMode: false })
  // A generator that nobody ever read does not let go of what it was to read.
  return range.once('close', () => body.destroy())
}

async function* piecesOf(body: Readable, start: number, end: number): AsyncGenerator<Uint8Array> {
  let position = 0
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    const piece = chunk.subarray(Math.max(0, start - position), Math.max(0, end + 1 - position))
    position += chunk.length
    if (piece.length > 0) yield piece
    if (position > end) return
  }
}
