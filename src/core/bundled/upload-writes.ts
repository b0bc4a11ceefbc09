// The bytes of upload sessions: appended, hashed once on the way, and committed when the digest is right.
import { LRUCache } from 'lru-cache'
import {
  algorithmOf,
  createDigester,
  type Digest,
  type Digester,
  type DigestAlgorithm,
} from '../../oci/digest.ts'
import { RegistryError } from '../../oci/error.ts'
import { PathNotFoundError, type FileWriter } from '../../storage/driver.ts'
import type { ContentStore } from '../content/content-store.ts'
import type { UploadChunk } from '../registry.ts'
import { UploadReceiver } from './upload-receiver.ts'
import { unknownUpload, type UploadSession, type UploadState } from './upload-session.ts'

/** A session whose hash is forgotten costs one more read of its bytes, nothing else. */
const MAX_OPEN_HASHES = 1000

/** A hash that goes on where the session's last request ended. */
interface OpenHash {
  readonly digester: Digester
  readonly offset: number
}

/** Works on sessions that no other request works on. */
export class UploadWrites {
  readonly #content: ContentStore
  readonly #hashes = new LRUCache<string, OpenHash>({ max: MAX_OPEN_HASHES })

  constructor(content: ContentStore) {
    this.#content = content
  }

  /** Appends the chunk and answers the new offset, which then is durable. */
  append(session: UploadSession, state: UploadState, chunk: UploadChunk): Promise<number> {
    return this.#writing(session, state, state.algorithm, async (receiver) => {
      await receiver.receive(chunk)
      return this.#keep(session, state, receiver)
    })
  }

  /** Appends the last chunk, if any, and keeps the whole as a blob. A wrong digest ends the session, as in registry:2. */
  async store(
    session: UploadSession,
    state: UploadState,
    digest: Digest,
    chunk: UploadChunk | undefined,
  ): Promise<void> {
    const isRight = await this.#writing(session, state, algorithmOf(digest), async (receiver) => {
      if (chunk !== undefined) await receiver.receive(chunk)
      const { writer } = receiver
      const known = receiver.digest() ?? digestBefore(state, writer, digest)
      const found = known ?? (await digestOf(writer, digest))
      // The commit takes the bytes away: from here on it is the digest that says what was acknowledged.
      if (known === undefined && found === digest) await session.save({ ...state, digest })
      await session.requireHeld()
      await (found === digest ? this.#content.blobs.commit(writer, digest) : writer.cancel())
      return found === digest
    })
    if (isRight) return
    await session.delete()
    throw new RegistryError('DIGEST_INVALID', 'the uploaded bytes do not have the digest', {
      detail: { digest },
    })
  }

  /** Lets go of what is in memory for a session that ends. */
  forget(session: UploadSession): void {
    this.#hashes.delete(session.id)
  }

  async #writing<Result>(
    session: UploadSession,
    state: UploadState,
    algorithm: DigestAlgorithm,
    work: (receiver: UploadReceiver) => Promise<Result>,
  ): Promise<Result> {
    const writer = await this.#openWriter(session, state)
    const receiver = new UploadReceiver(writer, this.#takeDigester(session, state, algorithm))
    try {
      return await work(receiver)
    } catch (error) {
      await this.#settle(session, state, receiver, error)
      throw error
    }
  }

  async #openWriter(session: UploadSession, { journal }: UploadState): Promise<FileWriter> {
    try {
      return await this.#content.driver.openWriter(session.dataPath, {
        takeOver: session.isTakenOver,
        ...(journal === undefined ? {} : { journal }),
      })
    } catch (error) {
      throw error instanceof PathNotFoundError ? unknownUpload(error) : error
    }
  }

  #takeDigester(
    session: UploadSession,
    state: UploadState,
    algorithm: DigestAlgorithm,
  ): Digester | undefined {
    const open = this.#hashes.get(session.id)
    this.#hashes.delete(session.id)
    if (state.offset === 0) return createDigester(algorithm)
    return open?.offset === state.offset && open.digester.algorithm === algorithm ? open.digester : undefined
  }

  async #keep(session: UploadSession, state: UploadState, receiver: UploadReceiver): Promise<number> {
    const offset = receiver.writer.size
    const journal = await receiver.writer.close()
    const { digester } = receiver
    const digest = digester?.digest()
    await session.save({
      algorithm: state.algorithm,
      offset,
      journal,
      ...(digest === undefined ? {} : { digest }),
    })
    if (digester !== undefined) this.#hashes.set(session.id, { digester, offset })
    return offset
  }

  /** After a failure: what arrived is kept, so that the client can go on there; a chunk that lied is dropped whole. */
  async #settle(session: UploadSession, state: UploadState, receiver: UploadReceiver, error: unknown) {
    const isKept = error instanceof RegistryError || receiver.writer.size === state.offset
    const settled = isKept ? receiver.writer.close() : this.#keep(session, state, receiver)
    // Where even that fails, the session stays at the offset that was acknowledged.
    await settled.catch(() => undefined)
  }
}

/** Where nobody hashed all bytes on their way: reads them once, where no client reads them. */
async function digestOf(writer: FileWriter, wanted: Digest): Promise<Digest> {
  const digester = createDigester(algorithmOf(wanted))
  for await (const bytes of await writer.readBack()) digester.update(bytes as Uint8Array)
  return digester.digest()
}

/** What an earlier request, maybe of another process, found the digest to be, when nothing was added since. */
function digestBefore(state: UploadState, writer: FileWriter, wanted: Digest): Digest | undefined {
  const isSame = state.digest !== undefined && algorithmOf(state.digest) === algorithmOf(wanted)
  return isSame && writer.size === state.offset ? state.digest : undefined
}
