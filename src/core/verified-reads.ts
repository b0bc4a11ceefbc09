// A registry whose whole blobs are hashed on their way out: nobody gets the whole of a damaged one.
import { Readable } from 'node:stream'
import type { ByteRange } from '../oci/byte-range.ts'
import { algorithmOf, createDigester, type Digest } from '../oci/digest.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import { DelegatingRegistry } from './delegating.ts'
import type { OpenBlob, Registry, RequestContext } from './registry.ts'

/** Told once for each read that found a blob damaged; its failures are its own. */
export type OnDamaged = (repository: RepositoryName, digest: Digest) => void

/** The bytes of a blob are not what its digest says. */
export class DamagedBlobError extends Error {
  override readonly name = 'DamagedBlobError'
  readonly code = 'BLOB_DAMAGED'
  constructor(digest: Digest) {
    super(`the stored bytes of ${digest} are damaged: push the blob again`)
  }
}

/**
 * Hashes every read of a whole blob, and holds its end back until the digest is known to be right; else the stream
 * fails, and the client's connection is reset. Ranges are passed on as they are: a part cannot be verified.
 */
export class VerifiedReadsRegistry extends DelegatingRegistry {
  readonly #onDamaged: OnDamaged

  constructor(inner: Registry, { onDamaged }: { onDamaged: OnDamaged }) {
    super(inner)
    this.#onDamaged = onDamaged
  }

  override async openBlob(
    repository: RepositoryName,
    digest: Digest,
    context: RequestContext,
  ): Promise<OpenBlob> {
    const blob = await this.inner.openBlob(repository, digest, context)
    return {
      size: blob.size,
      cache: blob.cache,
      // No redirectUrl: what the client fetches elsewhere is not seen here.
      read: async (range) => {
        const bytes = await blob.read(range)
        if (!isWhole(range, blob.size)) return bytes
        const verified = Readable.from(
          heldBack(bytes, digest, () => this.#onDamaged(repository, digest)),
          { objectMode: false },
        )
        return verified.once('close', () => bytes.destroy())
      },
      release: () => blob.release(),
    }
  }
}

function isWhole(range: ByteRange | undefined, size: number): boolean {
  return range === undefined || (range.start === 0 && range.end >= size - 1)
}

async function* heldBack(bytes: Readable, digest: Digest, onDamaged: () => void): AsyncGenerator<Buffer> {
  const digester = createDigester(algorithmOf(digest))
  let last: Buffer | undefined
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    digester.update(chunk)
    if (last) yield last
    last = chunk
  }
  if (digester.digest() !== digest) {
    onDamaged()
    throw new DamagedBlobError(digest)
  }
  if (last) yield last
}
