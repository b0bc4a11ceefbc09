// The `Range` request header (RFC 9110 §14.2).

/** More ranges in one request are an attack on the disk, not a client: the header is then ignored. */
const MAX_RANGES = 16

/** Both ends are included, counted from 0. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * The ranges that `header` asks of content of `size` bytes: clipped to it, in the order asked.
 * Undefined when there is no header or it is malformed (then the whole content is answered); empty when none can be
 * satisfied (416), which an inverted range never can.
 */
export function parseRange(header: string | undefined, size: number): readonly ByteRange[] | undefined {
  const match = header === undefined ? null : /^bytes=(.+)$/i.exec(header.trim())
  if (!match) return undefined
  const items = (match[1] ?? '').split(',')
  if (items.length > MAX_RANGES) return undefined
  const ranges: ByteRange[] = []
  for (const item of items) {
    const parts = /^\s*(\d*)-(\d*)\s*$/.exec(item)
    if (!parts || (parts[1] === '' && parts[2] === '')) return undefined
    const [first, last] = [parts[1] ?? '', parts[2] ?? '']
    const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
    const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
    if (start < size && start <= end) ranges.push({ start, end })
  }
  return ranges
}
