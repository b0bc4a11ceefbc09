// Blobs: bytes kept once for all repositories, and which repository holds which.
import type { Readable } from 'node:stream'
import type { Locks } from '../../cache/locks.ts'
import type { ByteRange } from '../../oci/byte-range.ts'
import { digestOf, type Digest } from '../../oci/digest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { PathNotFoundError, type FileWriter, type StorageDriver } from '../../storage/driver.ts'
import { blobDataPath, blobLinkFolder } from './layout.ts'
import { readLinkOf, writeLink } from './links.ts'

/** Blobs that are looked for at once: a manifest of 4 MiB can name 40,000 that nobody ever pushed. */
const BATCH = 250

const EMPTY = [digestOf(''), digestOf('', 'sha512')]

/** A blob whose bytes are on the store. */
export interface StoredBlob {
  /** What the bytes are kept under. Differs from what was asked for where registry:2 took a sha512 push. */
  readonly digest: Digest
  /** Bytes. */
  readonly size: number
}

export class BlobStore {
  readonly #driver: StorageDriver
  readonly #locks: Locks

  constructor(driver: StorageDriver, locks: Locks) {
    this.#driver = driver
    this.#locks = locks
  }

  /** The blob, whichever repositories hold it; undefined when its bytes are not here. */
  async stat(digest: Digest): Promise<StoredBlob | undefined> {
    try {
      const { size } = await this.#driver.stat(blobDataPath(digest))
      // A power cut without fsync leaves files without bytes: not this blob's, unless nothing is what it holds.
      return size === 0 && !EMPTY.includes(digest) ? undefined : { digest, size }
    } catch (error) {
      if (error instanceof PathNotFoundError) return undefined
      throw error
    }
  }

  /** The blob if the repository holds it and its bytes are here. */
  async find(repository: RepositoryName, digest: Digest): Promise<StoredBlob | undefined> {
    // registry:2 keeps a sha512 push under its sha256 digest and lets the sha512 link name that one.
    const kept = await readLinkOf(this.#driver, blobLinkFolder(repository, digest), digest)
    return kept === undefined ? undefined : this.stat(kept)
  }

  /** The first of the digests that {@link find} does not find; undefined when all are here. */
  async firstMissing(repository: RepositoryName, digests: readonly Digest[]): Promise<Digest | undefined> {
    for (let start = 0; start < digests.length; start += BATCH) {
      const missing = await this.#firstMissing(repository, digests.slice(start, start + BATCH))
      if (missing !== undefined) return missing
    }
    return undefined
  }

  /** Streams the bytes kept under a {@link StoredBlob}'s digest. Rejects with `PathNotFoundError`. */
  read(digest: Digest, options?: { range?: ByteRange; signal?: AbortSignal }): Promise<Readable> {
    return this.#driver.read(blobDataPath(digest), options)
  }

  /** Where a client may read the bytes itself, when the store offers that. */
  async redirectUrl(digest: Digest): Promise<URL | undefined> {
    return this.#driver.redirectUrl?.(blobDataPath(digest))
  }

  /** Runs `work` while no other work of this gateway writes or removes the bytes kept under `digest`. */
  alone<Result>(digest: Digest, work: () => Promise<Result>): Promise<Result> {
    return this.#locks.alone(`blob ${digest}`, work)
  }

  /** Ends a write session whose bytes the caller has hashed: they are kept under `digest`, unless they were already. */
  commit(writer: FileWriter, digest: Digest): Promise<void> {
    return this.alone(digest, async () => {
      const kept = await this.stat(digest)
      // Another size is a file that was cut short on the disk: these bytes heal it.
      await (kept?.size === writer.size ? writer.cancel() : writer.commit(blobDataPath(digest)))
    })
  }

  /** Keeps a file of the local disk, whose bytes the caller has hashed, as `StorageDriver.adopt` does, unless they are here. */
  adopt(file: string, { digest, size }: StoredBlob): Promise<void> {
    return this.alone(digest, async () => {
      const kept = await this.stat(digest)
      if (kept?.size !== size) await this.#driver.adopt(file, blobDataPath(digest))
    })
  }

  /** Makes the repository hold a blob whose bytes are here: under `kept`, where registry:2 took another digest's push. */
  link(repository: RepositoryName, digest: Digest, kept = digest): Promise<void> {
    return writeLink(this.#driver, blobLinkFolder(repository, digest), kept)
  }

  /** The repository holds the blob no more; the bytes stay for the others. */
  unlink(repository: RepositoryName, digest: Digest): Promise<void> {
    return this.#driver.delete(blobLinkFolder(repository, digest))
  }

  async #firstMissing(repository: RepositoryName, digests: readonly Digest[]): Promise<Digest | undefined> {
    const links = digests.map((digest) => `${blobLinkFolder(repository, digest)}/link`)
    const sizes = await this.#driver.sizes([...links, ...digests.map(blobDataPath)])
    for (const [index, digest] of digests.entries()) {
      const [link, data] = [sizes[index], sizes[index + digests.length]]
      // The usual case; what else there can be is for `find` to say.
      const isHere = link === digest.length && data !== undefined && data > 0
      if (!isHere && (await this.find(repository, digest)) === undefined) return digest
    }
    return undefined
  }
}
