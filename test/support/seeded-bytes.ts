// Bytes that look random and are the same on every machine: the key stream of a cipher whose key is the seed.
import { createCipheriv, createHash } from 'node:crypto'
import { Readable } from 'node:stream'

const CHUNK = 1024 * 1024

/** `length` bytes that `seed` determines. */
export function seededBytes(seed: string, length: number): Buffer {
  return Buffer.concat([...chunks(seed, length)], length)
}

/** The same bytes as {@link seededBytes}, a MiB at a time. */
export function seededStream(seed: string, length: number): Readable {
  return Readable.from(chunks(seed, length), { objectMode: false })
}

function* chunks(seed: string, length: number): Generator<Buffer> {
  const key = createHash('sha256').update(seed).digest()
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  const zeros = Buffer.alloc(Math.min(CHUNK, length))
  for (let left = length; left > 0; left -= zeros.length) yield cipher.update(zeros.subarray(0, left))
}
