// Several ranges of one blob in one answer: multipart/byteranges (RFC 9110 §14.6).
import { randomBytes } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { ByteRange } from '../oci/byte-range.ts'

export interface MultipartBody {
  readonly contentType: string
  /** Bytes of the whole body. */
  readonly length: number
  /** The body, one range after the other at the pace of its reader. */
  read(): AsyncGenerator<Uint8Array>
}

/** Puts `ranges` of content of `size` bytes behind one another, in their order, each with its place. */
export function multipartOf(
  ranges: readonly ByteRange[],
  size: number,
  open: (range: ByteRange) => Promise<Readable>,
): MultipartBody {
  const boundary = randomBytes(15).toString('hex')
  const parts = ranges.map((range) => ({ range, head: headOf(range, size, boundary) }))
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  const lengths = parts.map(({ range, head }) => head.length + range.end - range.start + 1)
  return {
    contentType: `multipart/byteranges; boundary=${boundary}`,
    length: lengths.reduce((sum, length) => sum + length, tail.length),
    async *read() {
      for (const { range, head } of parts) {
        yield head
        for await (const bytes of await open(range)) yield bytes as Uint8Array
      }
      yield tail
    },
  }
}

/**
 * Whether the ranges are worth answering as such: many that overlap would have one small request read a blob over and
 * over (RFC 9110 §14.2).
 */
export function isModest(ranges: readonly ByteRange[], size: number): boolean {
  return ranges.reduce((sum, { start, end }) => sum + end - start + 1, 0) <= size
}

function headOf({ start, end }: ByteRange, size: number, boundary: string): Buffer {
  const lines = [
    `--${boundary}`,
    'Content-Type: application/octet-stream',
    `Content-Range: bytes ${start}-${end}/${size}`,
  ]
  return Buffer.from(`\r\n${lines.join('\r\n')}\r\n\r\n`)
}
