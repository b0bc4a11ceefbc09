// The kept blobs that clients of this process read at this moment.
import type { Digest } from '../../../oci/digest.ts'

export class BlobUses {
  readonly #readers = new Map<Digest, number>()

  /** To be called once when the client is done: the answer. */
  begin(digest: Digest): () => void {
    this.#readers.set(digest, (this.#readers.get(digest) ?? 0) + 1)
    return () => {
      const left = (this.#readers.get(digest) ?? 0) - 1
      if (left > 0) this.#readers.set(digest, left)
      else this.#readers.delete(digest)
    }
  }

  /** Those of the digests that are read. */
  among(digests: readonly Digest[]): Digest[] {
    return digests.filter((digest) => this.#readers.has(digest))
  }
}
