// Upload sessions of the bundled registry: durable between requests, one request at a time.
import { randomUUID } from 'node:crypto'
import { algorithmOf, type Digest, type DigestAlgorithm } from '../../oci/digest.ts'
import { RegistryError } from '../../oci/error.ts'
import type { Identity } from '../../access/identity.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { PathNotFoundError } from '../../storage/driver.ts'
import type { ContentStore } from '../content/content-store.ts'
import type { RequestContext, UploadChunk, UploadStatus, UploadStore } from '../registry.ts'
import type { BlobHolders, MayPull } from './blob-holders.ts'
import type { SessionClaims } from './session-claims.ts'
import { answered } from './storage-failures.ts'
import { UploadSession, type UploadState } from './upload-session.ts'
import { UploadWrites } from './upload-writes.ts'

export class BundledUploads implements UploadStore {
  readonly #content: ContentStore
  readonly #holders: BlobHolders
  readonly #writes: UploadWrites
  readonly #claims: SessionClaims

  constructor(content: ContentStore, holders: BlobHolders, claims: SessionClaims) {
    this.#content = content
    this.#holders = holders
    this.#claims = claims
    this.#writes = new UploadWrites(content)
  }

  start(
    repository: RepositoryName,
    { algorithm }: { algorithm?: DigestAlgorithm },
    { identity }: RequestContext,
  ): Promise<UploadStatus> {
    return answered(async () => {
      const session = new UploadSession(this.#content.driver, repository, randomUUID())
      await session.create(algorithm ?? 'sha256', identity)
      return { id: session.id, offset: 0 }
    })
  }

  status(repository: RepositoryName, id: string, { identity }: RequestContext): Promise<UploadStatus> {
    return answered(async () => {
      const { offset } = await new UploadSession(this.#content.driver, repository, id).load(identity)
      return { id, offset }
    })
  }

  append(
    repository: RepositoryName,
    id: string,
    chunk: UploadChunk,
    context: RequestContext,
  ): Promise<UploadStatus> {
    return this.#alone(repository, id, context, async (session, state) => {
      checkStart(chunk, state)
      return { id, offset: await this.#writes.append(session, state, chunk) }
    })
  }

  finish(
    repository: RepositoryName,
    id: string,
    digest: Digest,
    chunk: UploadChunk | undefined,
    context: RequestContext,
  ): Promise<void> {
    return this.#alone(repository, id, context, async (session, before) => {
      checkStart(chunk, before)
      const [state, last] = await this.#kept(session, before, digest, chunk, context)
      if (last !== undefined || !(await this.#isStored(state, digest)))
        await this.#writes.store(session, state, digest, last)
      this.#writes.forget(session)
      await this.#content.blobs.link(repository, digest)
      this.#holders.remember(repository, digest)
      await session.delete()
    })
  }

  cancel(repository: RepositoryName, id: string, context: RequestContext): Promise<void> {
    return this.#alone(repository, id, context, async (session) => {
      this.#writes.forget(session)
      await session.delete()
    })
  }

  mount(repository: RepositoryName, digest: Digest, from: RepositoryName): Promise<boolean> {
    return answered(async () => {
      const blob = await this.#content.blobs.find(from, digest)
      if (blob === undefined) return false
      // registry:2 looks for the link of what another one leads to as well.
      if (blob.digest !== digest) await this.#content.blobs.link(repository, blob.digest)
      await this.#content.blobs.link(repository, digest, blob.digest)
      this.#holders.remember(repository, digest)
      return true
    })
  }

  async mountFromAny(repository: RepositoryName, digest: Digest, mayPull: MayPull): Promise<boolean> {
    const from = await answered(() => this.#holders.find(digest, repository, mayPull))
    return from !== undefined && this.mount(repository, digest, from)
  }

  /**
   * Keeps the last chunk of several for itself: storing the blob takes the session's bytes away, and who is cut off from
   * the answer must find them acknowledged, not gone. A chunk that is the whole blob can be sent again.
   */
  async #kept(
    session: UploadSession,
    state: UploadState,
    digest: Digest,
    chunk: UploadChunk | undefined,
    { identity }: RequestContext,
  ): Promise<[UploadState, UploadChunk?]> {
    if (chunk === undefined || chunk.length === 0) return [state]
    if (state.offset === 0) return [{ ...state, algorithm: algorithmOf(digest) }, chunk]
    await this.#writes.append(session, state, chunk)
    return [await session.load(identity)]
  }

  /** The session's bytes are known to be the blob, and it lies on the store: also after a kill in the middle of `finish`. */
  async #isStored({ digest, offset }: UploadState, wanted: Digest): Promise<boolean> {
    return digest === wanted && (await this.#content.blobs.stat(wanted))?.size === offset
  }

  /** Two requests that write to one session would tear it: the second is refused, whatever it wants. */
  #alone<Result>(
    repository: RepositoryName,
    id: string,
    { identity }: RequestContext,
    work: (session: UploadSession, state: UploadState) => Promise<Result>,
  ): Promise<Result> {
    return answered(async () => {
      const session = new UploadSession(this.#content.driver, repository, id)
      await session.load(identity) // one that is not there, or somebody else's, gets no claim either
      await session.claim(this.#claims)
      try {
        return await work(session, await loadClaimed(session, identity))
      } catch (error) {
        // Where the repository was deleted meanwhile, and the session with it, that is what the client is told.
        if (error instanceof PathNotFoundError) await loadClaimed(session, identity)
        throw error
      } finally {
        await session.release()
      }
    })
  }
}

/** What an earlier request left; one that ended the session just now took all but the claim away. */
async function loadClaimed(session: UploadSession, identity: Identity): Promise<UploadState> {
  try {
    return await session.load(identity)
  } catch (error) {
    if (error instanceof RegistryError) await session.delete()
    throw error
  }
}

function checkStart(chunk: UploadChunk | undefined, { offset }: UploadState): void {
  if (chunk?.start === undefined || chunk.start === offset) return
  throw new RegistryError('RANGE_INVALID', `the next chunk has to start at byte ${offset}`, {
    // The last byte that is here; nothing and one byte look alike (distribution-spec "Pushing a blob in chunks").
    headers: { Range: `0-${Math.max(0, offset - 1)}` },
  })
}
