// What is kept of an upload session between requests: a small file beside its bytes, which registry:2 ignores.
import { isDigestAlgorithm, parseDigest, type Digest, type DigestAlgorithm } from '../../oci/digest.ts'
import { RegistryError } from '../../oci/error.ts'
import type { Identity } from '../../access/identity.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import { PathNotFoundError, type StorageDriver, type WriteJournal } from '../../storage/driver.ts'
import { uploadFolder } from '../content/layout.ts'
import type { SessionClaim, SessionClaims } from './session-claims.ts'
import { isOwner, ownerOf } from './upload-owner.ts'

export interface UploadState {
  /** What the bytes are hashed with while they arrive. */
  readonly algorithm: DigestAlgorithm
  /** Bytes acknowledged. */
  readonly offset: number
  /** What the acknowledged bytes are continued from; undefined while there are none. */
  readonly journal?: WriteJournal
  /** The digest of the acknowledged bytes, when one process hashed them without a gap. */
  readonly digest?: Digest
}

/** What the file holds. */
interface KeptState extends UploadState {
  /** See {@link ownerOf}. */
  readonly owner?: string
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const MAX_STATE_BYTES = 64 * 1024

/** The files of one upload session. */
export class UploadSession {
  readonly id: string
  readonly folder: string
  readonly #driver: StorageDriver
  #claim: SessionClaim | undefined
  #owner: string | undefined

  /** Whether a session can be called so. */
  static isId(text: string): boolean {
    return UUID.test(text)
  }

  /** Throws `BLOB_UPLOAD_UNKNOWN` for an id that is no UUID. */
  constructor(driver: StorageDriver, repository: RepositoryName, id: string) {
    if (!UploadSession.isId(id)) throw unknownUpload()
    this.id = id
    this.#driver = driver
    this.folder = uploadFolder(repository, id)
  }

  /** Where the bytes are staged: registry:2's own place. */
  get dataPath(): string {
    return `${this.folder}/data`
  }

  async create(algorithm: DigestAlgorithm, identity: Identity): Promise<void> {
    this.#owner = ownerOf(this.id, identity)
    // registry:2 purges abandoned sessions by this time; it is written without fractions of a second there.
    const startedAt = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
    await this.#driver.writeAll(`${this.folder}/startedat`, Buffer.from(startedAt))
    await this.save({ algorithm, offset: 0 })
  }

  /** Rejects with `BLOB_UPLOAD_UNKNOWN`, also for a session that somebody else began. */
  async load(identity: Identity): Promise<UploadState> {
    try {
      const bytes = await this.#driver.readAll(this.#statePath, { maxBytes: MAX_STATE_BYTES })
      const { owner, ...state } = parseState(JSON.parse(bytes.toString()))
      if (!isOwner(owner, this.id, identity)) throw unknownUpload()
      this.#owner = owner
      return state
    } catch (error) {
      if (error instanceof PathNotFoundError || error instanceof SyntaxError) throw unknownUpload(error)
      throw error
    }
  }

  /** Keeps others from working on it until `release` or `delete`. Rejects with 409 while somebody does. */
  async claim(claims: SessionClaims): Promise<void> {
    this.#claim = await claims.take(this.folder)
  }

  /** An earlier request may still write in a process that is out of reach. */
  get isTakenOver(): boolean {
    return this.#claim?.isTakenOver === true
  }

  /** To be asked before anything is acknowledged. Rejects with 409 when another process took the session over. */
  async requireHeld(): Promise<void> {
    await this.#claim?.requireHeld()
  }

  async release(): Promise<void> {
    await this.#claim?.release()
  }

  async save(state: UploadState): Promise<void> {
    await this.requireHeld()
    const kept: KeptState = { ...state, ...(this.#owner === undefined ? {} : { owner: this.#owner }) }
    await this.#driver.writeAll(this.#statePath, Buffer.from(JSON.stringify(kept)))
  }

  async delete(): Promise<void> {
    await this.#claim?.end()
    await this.#driver.delete(this.folder)
  }

  get #statePath(): string {
    return `${this.folder}/dockgate.json`
  }
}

export function unknownUpload(cause?: unknown): RegistryError {
  return new RegistryError('BLOB_UPLOAD_UNKNOWN', 'no such upload session: start the upload again', { cause })
}

function parseState(json: unknown): KeptState {
  if (!isObject(json)) throw unknownUpload()
  const { algorithm, offset, journal, digest, owner } = json
  if (typeof algorithm !== 'string' || !isDigestAlgorithm(algorithm)) throw unknownUpload()
  if (typeof offset !== 'number' || !Number.isSafeInteger(offset) || offset < 0) throw unknownUpload()
  const hashed = typeof digest === 'string' ? parseDigest(digest) : undefined
  return {
    algorithm,
    offset,
    // Text that a writer's close() gave to save().
    ...(typeof journal === 'string' ? { journal: journal as WriteJournal } : {}),
    ...(hashed === undefined ? {} : { digest: hashed }),
    ...(typeof owner === 'string' ? { owner } : {}),
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
