// Uploads: distribution-spec end-4 (POST), end-5 (PATCH), end-6 (PUT), end-11 (mount), end-13 (GET), end-14 (DELETE).
import { digestOf, isDigestAlgorithm, parseDigest, type Digest } from '../oci/digest.ts'
import { RegistryError } from '../oci/error.ts'
import type { RepositoryName } from '../oci/repository-name.ts'
import type { UploadStatus, UploadStore } from '../core/registry.ts'
import { hasBody, uploadChunk } from './body.ts'
import type { RepositoryExchange } from './exchange.ts'
import { respondEmpty } from './respond.ts'
import type { RepositoryRoute } from './route.ts'

type StartExchange = RepositoryExchange<Extract<RepositoryRoute, { kind: 'upload-start' }>>
type SessionExchange = RepositoryExchange<Extract<RepositoryRoute, { kind: 'upload' }>>

const EMPTY = [digestOf(''), digestOf('', 'sha512')]

/** Where a mount may take its blob from: a blob nobody may see must look like one that is not there. */
export interface MountSources {
  /** What `from` names, when the caller may pull from it. */
  readonly from: RepositoryName | undefined
  /** Whether the caller may pull from a repository of the same registry. */
  readonly mayPull: (candidate: RepositoryName) => boolean
}

/** `POST /v2/<name>/blobs/uploads/`: mounts, takes a whole blob, or starts a session. */
export async function startUpload(exchange: StartExchange, sources: MountSources): Promise<void> {
  const { req, query, repository, context } = exchange
  const uploads = uploadsOf(exchange)
  const mount = digestParameter(query, 'mount')
  if (mount && (await mounted(exchange, uploads, mount, sources))) return created(exchange, mount)
  const digest = digestParameter(query, 'digest')
  const whole = digest !== undefined && (hasBody(req) || EMPTY.includes(digest))
  const algorithm = query.get('digest-algorithm') ?? undefined
  if (algorithm !== undefined && !isDigestAlgorithm(algorithm))
    throw new RegistryError('UNSUPPORTED', 'this digest algorithm is not supported', { status: 400 })
  const session = await uploads.start(repository, algorithm ? { algorithm } : {}, context)
  if (!whole) return progress(exchange, 202, session)
  try {
    await finish(exchange, uploads, session.id, digest)
  } catch (error) {
    // The client never learned of the session: nobody would resume or cancel it.
    await uploads.cancel(repository, session.id, context).catch(() => undefined)
    throw error
  }
}

/** `GET` and `HEAD /v2/<name>/blobs/uploads/<id>`. */
export async function uploadStatus(exchange: SessionExchange): Promise<void> {
  const { repository, route, context } = exchange
  progress(exchange, 204, await uploadsOf(exchange).status(repository, route.id, context))
}

/** `PATCH /v2/<name>/blobs/uploads/<id>`: a chunk with its place, or a stream of any length. */
export async function appendUpload(exchange: SessionExchange): Promise<void> {
  const { req, res, repository, route, context } = exchange
  const uploads = uploadsOf(exchange)
  const append = () => uploads.append(repository, route.id, uploadChunk(req, res), context)
  progress(exchange, 202, await withLocation(exchange, append))
}

/** `PUT /v2/<name>/blobs/uploads/<id>?digest=<digest>`, with or without a last chunk. */
export async function finishUpload(exchange: SessionExchange): Promise<void> {
  const digest = digestParameter(exchange.query, 'digest')
  if (!digest) throw new RegistryError('DIGEST_INVALID', 'the query parameter "digest" is missing')
  await finish(exchange, uploadsOf(exchange), exchange.route.id, digest)
}

/** `DELETE /v2/<name>/blobs/uploads/<id>`. */
export async function cancelUpload(exchange: SessionExchange): Promise<void> {
  await uploadsOf(exchange).cancel(exchange.repository, exchange.route.id, exchange.context)
  respondEmpty(exchange.res, 204)
}

/** Without `from`, and with one that does not hold the blob, any repository that the caller may pull from will do. */
async function mounted(
  { repository, context }: StartExchange,
  uploads: UploadStore,
  digest: Digest,
  { from, mayPull }: MountSources,
): Promise<boolean> {
  if (from && (await uploads.mount(repository, digest, from, context))) return true
  return uploads.mountFromAny(repository, digest, mayPull, context)
}

async function finish(
  exchange: StartExchange | SessionExchange,
  uploads: UploadStore,
  id: string,
  digest: Digest,
): Promise<void> {
  const { req, res, repository, context } = exchange
  const chunk = hasBody(req) ? uploadChunk(req, res) : undefined
  await withLocation(exchange, () => uploads.finish(repository, id, digest, chunk, context), id)
  created(exchange, digest)
}

function uploadsOf({ target }: RepositoryExchange): UploadStore {
  const { uploads } = target.registry
  if (uploads) return uploads
  throw new RegistryError('UNSUPPORTED', 'this repository is a mirror: push to another name')
}

function digestParameter(query: URLSearchParams, name: string): Digest | undefined {
  const text = query.get(name)
  if (text === null) return undefined
  const digest = parseDigest(text)
  if (!digest)
    throw new RegistryError('DIGEST_INVALID', `the query parameter "${name}" is not a valid digest`)
  return digest
}

/** A client whose chunk does not fit is told where to go on (distribution-spec end-5: 416 with `Location`). */
async function withLocation<T>(
  exchange: StartExchange | SessionExchange,
  work: () => Promise<T>,
  id = exchange.route.kind === 'upload' ? exchange.route.id : '',
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== 'RANGE_INVALID') throw error
    const { message, detail, cause, status } = error
    const headers = { ...error.headers, Location: locationOf(exchange, id) }
    throw new RegistryError('RANGE_INVALID', message, { detail, cause, status, headers })
  }
}

function progress(
  exchange: StartExchange | SessionExchange,
  status: number,
  { id, offset }: UploadStatus,
): void {
  respondEmpty(exchange.res, status, [
    'Location',
    locationOf(exchange, id),
    // registry:2 says `0-0` for none, and clients know it so.
    'Range',
    `0-${Math.max(0, offset - 1)}`,
    'Docker-Upload-UUID',
    id,
  ])
}

function created(exchange: StartExchange | SessionExchange, digest: Digest): void {
  const location = `${exchange.origin}/v2/${exchange.route.name}/blobs/${digest}`
  exchange.record.reference = digest
  respondEmpty(exchange.res, 201, ['Location', location, 'Docker-Content-Digest', digest])
}

function locationOf({ origin, route }: StartExchange | SessionExchange, id: string): string {
  return `${origin}/v2/${route.name}/blobs/uploads/${id}`
}
