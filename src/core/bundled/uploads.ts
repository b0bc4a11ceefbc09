// Upload sessions of the bundled registry: durable between requests, one request at a time.
import { randomUUID } from 'node:crypto'
import type { Digest, DigestAlgorithm } from '../../oci/digest.ts'
import { RegistryError } from '../../oci/error.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ContentStore } from '../content/content-store.ts'
import type { UploadChunk, UploadStatus, UploadStore } from '../registry.ts'
import { answered } from './storage-failures.ts'
import { UploadSession, type UploadState } from './upload-session.ts'
import { UploadWrites } from './upload-writes.ts'

export class BundledUploads implements UploadStore {
  readonly #content: ContentStore
  readonly #writes: UploadWrites
  readonly #busy = new Set<string>()

  constructor(content: ContentStore) {
    this.#content = content
    this.#writes = new UploadWrites(content)
  }

  start(repository: RepositoryName, { algorithm }: { algorithm?: DigestAlgorithm }): Promise<UploadStatus> {
    return answered(async () => {
      const session = new UploadSession(this.#content.driver, repository, randomUUID())
      await session.create(algorithm ?? 'sha256')
      return { id: session.id, offset: 0 }
    })
  }

  status(repository: RepositoryName, id: string): Promise<UploadStatus> {
    return answered(async () => {
      const { offset } = await new UploadSession(this.#content.driver, repository, id).load()
      return { id, offset }
    })
  }

  append(repository: RepositoryName, id: string, chunk: UploadChunk): Promise<UploadStatus> {
    return this.#alone(repository, id, async (session) => {
      const state = await session.load()
      checkStart(chunk, state)
      return { id, offset: await this.#writes.append(session, state, chunk) }
    })
  }

  finish(
    repository: RepositoryName,
    id: string,
    digest: Digest,
    chunk: UploadChunk | undefined,
  ): Promise<void> {
    return this.#alone(repository, id, async (session) => {
      const state = await session.load()
      checkStart(chunk, state)
      const isWhole = chunk === undefined || chunk.length === 0
      if (!(isWhole && (await this.#isStored(state, digest))))
        await this.#writes.store(session, state, digest, chunk)
      this.#writes.forget(session)
      await this.#content.blobs.link(repository, digest)
      await session.delete()
    })
  }

  cancel(repository: RepositoryName, id: string): Promise<void> {
    return this.#alone(repository, id, async (session) => {
      await session.load()
      this.#writes.forget(session)
      await session.delete()
    })
  }

  mount(repository: RepositoryName, digest: Digest, from: RepositoryName): Promise<boolean> {
    return answered(async () => {
      const blob = await this.#content.blobs.find(from, digest)
      if (blob === undefined) return false
      await this.#content.blobs.link(repository, blob.digest)
      return true
    })
  }

  /** The session's bytes are known to be the blob, and it lies on the store: also after a kill in the middle of `finish`. */
  async #isStored({ digest, offset }: UploadState, wanted: Digest): Promise<boolean> {
    return digest === wanted && (await this.#content.blobs.stat(wanted))?.size === offset
  }

  /** Two requests that write to one session would tear it: the second is refused, whatever it wants. */
  #alone<Result>(
    repository: RepositoryName,
    id: string,
    work: (session: UploadSession) => Promise<Result>,
  ): Promise<Result> {
    return answered(async () => {
      const session = new UploadSession(this.#content.driver, repository, id)
      if (this.#busy.has(session.folder))
        throw new RegistryError('BLOB_UPLOAD_INVALID', 'another request writes to this upload session', {
          status: 409,
          headers: { 'Retry-After': '1' },
        })
      this.#busy.add(session.folder)
      try {
        return await work(session)
      } finally {
        this.#busy.delete(session.folder)
      }
    })
  }
}

function checkStart(chunk: UploadChunk | undefined, { offset }: UploadState): void {
  if (chunk?.start === undefined || chunk.start === offset) return
  throw new RegistryError('RANGE_INVALID', `the next chunk has to start at byte ${offset}`, {
    // The last byte that is here; nothing and one byte look alike (distribution-spec "Pushing a blob in chunks").
    headers: { Range: `0-${Math.max(0, offset - 1)}` },
  })
}
