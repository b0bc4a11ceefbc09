// Manifests of repositories: their bytes lie among the blobs, a revision link says which repository holds which.
import { algorithmOf, digestOf, type Digest } from '../../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../../oci/manifest.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { PathNotFoundError, type StorageDriver } from '../../storage/driver.ts'
import type { Manifest } from '../registry.ts'
import type { BlobStore } from './blobs.ts'
import { blobDataPath, revisionFolder, revisionsFolder } from './layout.ts'
import { linkFile, listLinkedDigests, readLinkOf } from './links.ts'
import { storedMediaType } from './stored-media-type.ts'

/** What lies on the store is not what was put there. */
export class DamagedContentError extends Error {
  override readonly name = 'DamagedContentError'
  readonly code = 'CONTENT_DAMAGED'
  readonly digest: Digest
  constructor(digest: Digest, cause?: unknown) {
    super(`the stored bytes of ${digest} are damaged`, { cause })
    this.digest = digest
  }
}

export class ManifestStore {
  readonly #driver: StorageDriver
  readonly #blobs: BlobStore

  constructor(driver: StorageDriver, blobs: BlobStore) {
    this.#driver = driver
    this.#blobs = blobs
  }

  /** Whether the repository holds the manifest. */
  async has(repository: RepositoryName, digest: Digest): Promise<boolean> {
    return (await readLinkOf(this.#driver, revisionFolder(repository, digest), digest)) !== undefined
  }

  /**
   * The manifest if the repository holds it. Its bytes have been hashed: they may enter a cache.
   * Rejects with {@link DamagedContentError}.
   */
  async read(repository: RepositoryName, digest: Digest): Promise<Manifest | undefined> {
    const kept = await readLinkOf(this.#driver, revisionFolder(repository, digest), digest)
    const bytes = kept === undefined ? undefined : await this.#readBytes(kept)
    if (bytes === undefined) return undefined
    if (digestOf(bytes, algorithmOf(digest)) !== digest) throw new DamagedContentError(digest)
    return { digest, mediaType: storedMediaType(bytes), bytes }
  }

  /** Keeps bytes that the caller has hashed: data first, then the link, so that a crash leaves no link to nothing. */
  put(repository: RepositoryName, { digest, bytes }: { digest: Digest; bytes: Uint8Array }): Promise<void> {
    const data = { path: blobDataPath(digest), bytes }
    const link = linkFile(revisionFolder(repository, digest), digest)
    return this.#blobs.alone(digest, async () => {
      const [size, linkSize] = await this.#driver.sizes([data.path, link.path])
      const isIntact = size === bytes.length && (await this.#readBytes(digest))?.equals(bytes) === true
      const isLinked = linkSize === digest.length
      // Damaged bytes are written again too: a repeated push heals them.
      await this.#driver.writeEach([...(isIntact ? [] : [data]), ...(isLinked ? [] : [link])])
    })
  }

  /** The repository holds the manifest no more; its tags are the caller's to remove first. */
  delete(repository: RepositoryName, digest: Digest): Promise<void> {
    return this.#driver.delete(revisionFolder(repository, digest))
  }

  /** Every manifest that the repository holds. */
  async *list(repository: RepositoryName): AsyncGenerator<Digest> {
    // registry:2 deletes the link and leaves its folder.
    for await (const digest of listLinkedDigests(this.#driver, revisionsFolder(repository)))
      if (await this.has(repository, digest)) yield digest
  }

  async #readBytes(digest: Digest): Promise<Buffer | undefined> {
    try {
      return await this.#driver.readAll(blobDataPath(digest), { maxBytes: MAX_MANIFEST_BYTES })
    } catch (error) {
      if (error instanceof PathNotFoundError) return undefined
      if (error instanceof RangeError) throw new DamagedContentError(digest, error)
      throw error
    }
  }
}
