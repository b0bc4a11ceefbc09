// A bundled registry on a folder of its own, and what tests push to it.
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { ANONYMOUS } from '../../../src/access/identity.ts'
import { BundledRegistry } from '../../../src/core/bundled/bundled-registry.ts'
import { SessionClaims, type SessionClaimsOptions } from '../../../src/core/bundled/session-claims.ts'
import type { Registry, RequestContext, UploadChunk, UploadStore } from '../../../src/core/registry.ts'
import { ACCEPT_ANYTHING } from '../../../src/oci/accept.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import type { RepositoryName } from '../../../src/oci/repository-name.ts'
import { FilesystemDriver } from '../../../src/storage/filesystem.ts'
import type { Content, Image } from '../../support/images.ts'
import { temporaryFolder, type Scope } from '../../support/scope.ts'

export const CONTEXT: RequestContext = {
  identity: ANONYMOUS,
  accept: ACCEPT_ANYTHING,
  signal: new AbortController().signal,
}

export interface Bundled {
  readonly registry: Registry
  readonly uploads: UploadStore
  readonly driver: TamperedDriver
  /** The folder of its store. */
  readonly root: string
}

/** The file system, with faults that a test switches on. */
export class TamperedDriver extends FilesystemDriver {
  /** How often content was read, small files apart. */
  reads = 0
  /** Awaited before each write of a session. */
  beforeWrite: (() => Promise<void> | void) | undefined
  /** Awaited before each commit of a session. */
  beforeCommit: (() => Promise<void> | void) | undefined

  override read(...args: Parameters<FilesystemDriver['read']>): ReturnType<FilesystemDriver['read']> {
    this.reads += 1
    return super.read(...args)
  }

  override async openWriter(
    ...args: Parameters<FilesystemDriver['openWriter']>
  ): ReturnType<FilesystemDriver['openWriter']> {
    const writer = await super.openWriter(...args)
    return {
      get size() {
        return writer.size
      },
      write: async (chunk) => {
        await this.beforeWrite?.()
        await writer.write(chunk)
      },
      readBack: () => writer.readBack(),
      close: () => writer.close(),
      commit: async (path) => {
        await this.beforeCommit?.()
        await writer.commit(path)
      },
      cancel: () => writer.cancel(),
    }
  }
}

/** Starts an empty registry, or a second one on the `root` of another, as after a restart. */
export async function startBundled(
  t: Scope,
  options: { root?: string; delete?: boolean; claims?: SessionClaimsOptions } = {},
): Promise<Bundled> {
  const root = options.root ?? (await temporaryFolder(t))
  const driver = new TamperedDriver({ root, fsync: false })
  const registry = new BundledRegistry({
    driver,
    delete: options.delete ?? true,
    claims: new SessionClaims(driver, options.claims),
  })
  return { registry, uploads: registry.uploads, driver, root }
}

export function chunkOf(bytes: Uint8Array, place: { start?: number; length?: number } = {}): UploadChunk {
  return { body: Readable.from([bytes], { objectMode: false }), ...place }
}

export async function pushBlob(
  { uploads }: Bundled,
  repository: RepositoryName,
  blob: { digest: Digest; bytes: Buffer },
): Promise<void> {
  const { id } = await uploads.start(repository, {}, CONTEXT)
  await uploads.append(repository, id, chunkOf(blob.bytes), CONTEXT)
  await uploads.finish(repository, id, blob.digest, undefined, CONTEXT)
}

export async function pushBlobs(bundled: Bundled, repository: RepositoryName, image: Image): Promise<void> {
  for (const blob of image.blobs) await pushBlob(bundled, repository, blob)
}

/** What is sent for `PUT …/manifests/…`. */
export function bodyOf({ mediaType, bytes }: Content): { mediaType: string; bytes: Buffer } {
  return { mediaType, bytes }
}

export async function readBlob(
  { registry }: Bundled,
  repository: RepositoryName,
  digest: Digest,
): Promise<Buffer> {
  const blob = await registry.openBlob(repository, digest, CONTEXT)
  try {
    return await buffer(await blob.read())
  } finally {
    blob.release()
  }
}
