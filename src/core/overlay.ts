// A store of pushes over a mirror: what was pushed here wins, everything else is the mirror's.
import type { Digest } from '../oci/digest.ts'
import { RegistryError } from '../oci/error.ts'
import { isDistributable, parseManifest } from '../oci/manifest.ts'
import { isDigest, type Reference, type Tag } from '../oci/reference.ts'
import { compareRepositoryNames, type RepositoryName } from '../oci/repository-name.ts'
import { DelegatingRegistry, type AnswerOf, type ArgumentsOf } from './delegating.ts'
import { mergedPage, mergedReferrers } from './merged-pages.ts'
import type {
  ManifestAnswer,
  Page,
  PageRequest,
  PushedManifest,
  PutManifestResult,
  ReferrersAnswer,
  ReferrersRequest,
  Registry,
  RequestContext,
} from './registry.ts'

/** Takes every write; deletes touch nothing else. What a push needs of the mirror is copied, since a mirror may forget. */
export class OverlayRegistry extends DelegatingRegistry {
  readonly #mirror: Registry

  /** `store` takes pushes. */
  constructor({ store, mirror }: { store: Registry; mirror: Registry }) {
    super(store)
    this.#mirror = mirror
  }

  peekManifest(
    repository: RepositoryName,
    reference: Reference,
    context: RequestContext,
  ): ManifestAnswer | undefined {
    const known = this.inner.peekManifest?.(repository, reference, context)
    // What memory does not know of a tag may yet have been pushed; a digest is the same everywhere.
    if (known || !isDigest(reference)) return known
    return this.#mirror.peekManifest?.(repository, reference, context)
  }

  override getManifest(...args: ArgumentsOf<'getManifest'>): AnswerOf<'getManifest'> {
    return orElse(
      () => super.getManifest(...args),
      () => this.#mirror.getManifest(...args).catch(notThere('MANIFEST_UNKNOWN')),
    )
  }

  override statBlob(...args: ArgumentsOf<'statBlob'>): AnswerOf<'statBlob'> {
    return orElse(
      () => super.statBlob(...args),
      () => this.#mirror.statBlob(...args).catch(notThere('BLOB_UNKNOWN')),
    )
  }

  override openBlob(...args: ArgumentsOf<'openBlob'>): AnswerOf<'openBlob'> {
    return orElse(
      () => super.openBlob(...args),
      () => this.#mirror.openBlob(...args).catch(notThere('BLOB_UNKNOWN')),
    )
  }

  /** Clients do not push a blob that the repository shows them: it is taken over from the mirror. */
  override async putManifest(
    repository: RepositoryName,
    reference: Reference,
    manifest: PushedManifest,
    context: RequestContext,
  ): Promise<PutManifestResult> {
    const put = () => this.inner.putManifest(repository, reference, manifest, context)
    try {
      return await put()
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code !== 'MANIFEST_BLOB_UNKNOWN') throw error
      const { blobs } = parseManifest(manifest.bytes, manifest.mediaType)
      for (const digest of new Set(blobs.filter(isDistributable).map((blob) => blob.digest)))
        await this.#takeOver(repository, digest, context, error)
      return put()
    }
  }

  override deleteManifest(...args: ArgumentsOf<'deleteManifest'>): AnswerOf<'deleteManifest'> {
    return super.deleteManifest(...args).catch(notPushedHere)
  }

  override deleteBlob(...args: ArgumentsOf<'deleteBlob'>): AnswerOf<'deleteBlob'> {
    return super.deleteBlob(...args).catch(notPushedHere)
  }

  override listTags(
    repository: RepositoryName,
    page: PageRequest,
    context: RequestContext,
  ): Promise<Page<Tag>> {
    return this.#both(
      (registry) => registry.listTags(repository, page, context),
      (pushed, mirrored) => mergedPage(pushed, mirrored, page, (a, b) => (a < b ? -1 : a > b ? 1 : 0)),
      context,
    )
  }

  override listRepositories(page: PageRequest, context: RequestContext): Promise<Page<RepositoryName>> {
    return this.#both(
      (registry) => registry.listRepositories(page, context),
      (pushed, mirrored) => mergedPage(pushed, mirrored, page, compareRepositoryNames),
      context,
    )
  }

  override listReferrers(
    repository: RepositoryName,
    subject: Digest,
    request: ReferrersRequest,
    context: RequestContext,
  ): Promise<ReferrersAnswer> {
    return this.#both(
      (registry) => registry.listReferrers(repository, subject, request, context),
      (pushed, mirrored) => mergedReferrers(pushed, mirrored, request),
      context,
    )
  }

  override async close(): Promise<void> {
    await Promise.all([this.#mirror.close(), super.close()])
  }

  /** Both answers as one. A mirror that can not answer is left out where something was pushed, and the client is told. */
  async #both<Answer>(
    ask: (registry: Registry) => Promise<Answer>,
    merge: (pushed: Answer, mirrored: Answer) => Answer,
    context: RequestContext,
  ): Promise<Answer> {
    const [pushed, mirrored] = await Promise.allSettled([ask(this.inner), ask(this.#mirror)])
    if (pushed.status === 'rejected') {
      if (!isUnknown(pushed.reason) || mirrored.status === 'rejected')
        throw isUnknown(pushed.reason) && mirrored.status === 'rejected' ? mirrored.reason : pushed.reason
      return mirrored.value
    }
    if (mirrored.status === 'fulfilled') return merge(pushed.value, mirrored.value)
    if (!isUnknown(mirrored.reason))
      context.warn?.('what is mirrored can not be listed now: this is what was pushed here')
    return pushed.value
  }

  async #takeOver(
    repository: RepositoryName,
    digest: Digest,
    context: RequestContext,
    missing: RegistryError,
  ): Promise<void> {
    const { uploads } = this.inner
    if (!uploads || (await has(() => this.inner.statBlob(repository, digest, context)))) return
    const blob = await this.#mirror.openBlob(repository, digest, context).catch((error: unknown) => {
      throw isUnknown(error) ? missing : error
    })
    try {
      const { id } = await uploads.start(repository, {}, context)
      try {
        const chunk = { body: await blob.read(), length: blob.size }
        await uploads.finish(repository, id, digest, chunk, context)
      } catch (error) {
        await uploads.cancel(repository, id, context).catch(() => undefined)
        throw error
      }
    } finally {
      blob.release()
    }
  }
}

async function orElse<Answer>(first: () => Promise<Answer>, second: () => Promise<Answer>): Promise<Answer> {
  try {
    return await first()
  } catch (error) {
    if (!isUnknown(error)) throw error
    return second()
  }
}

async function has(look: () => Promise<unknown>): Promise<boolean> {
  return orElse(
    () => look().then(() => true),
    async () => false,
  )
}

/** Docker Hub says alike of what is not there and of what is private: clients must be able to push what it does not have. */
function isUnknown(error: unknown): boolean {
  return error instanceof RegistryError && (error.status === 404 || error.code === 'DENIED')
}

function notThere(code: 'BLOB_UNKNOWN' | 'MANIFEST_UNKNOWN'): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof RegistryError) || error.code !== 'DENIED') throw error
    throw new RegistryError(code, 'neither pushed here nor known to the upstream registry', { cause: error })
  }
}

function notPushedHere(error: unknown): never {
  if (!(error instanceof RegistryError) || !isUnknown(error)) throw error
  throw new RegistryError(error.code, 'this was not pushed here: what is mirrored can not be deleted', {
    detail: error.detail,
    cause: error,
  })
}
