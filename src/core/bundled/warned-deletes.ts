// A client may delete what others need (distribution-spec "Deleting Manifests"), but not without being told.
import type { Digest } from '../../oci/digest.ts'
import { isDigest, type Reference } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ContentStore } from '../content/content-store.ts'
import { DelegatingRegistry } from '../delegating.ts'
import type { ManifestAnswer, Registry, RequestContext } from '../registry.ts'
import { readIntact } from './index-tree.ts'
import { tryParse } from './referrer-descriptor.ts'

/** Each is read, so a delete in a huge repository stays a matter of seconds. */
const MOST_READ = 1000

/** To be put around the locks of a repository: looking for what still names something may take a while. */
export class WarnedDeletesRegistry extends DelegatingRegistry {
  readonly #content: ContentStore

  constructor(inner: Registry, content: ContentStore) {
    super(inner)
    this.#content = content
  }

  peekManifest(
    repository: RepositoryName,
    reference: Reference,
    context: RequestContext,
  ): ManifestAnswer | undefined {
    return this.inner.peekManifest?.(repository, reference, context)
  }

  override async deleteManifest(
    repository: RepositoryName,
    reference: Reference,
    context: RequestContext,
  ): Promise<void> {
    await super.deleteManifest(repository, reference, context)
    if (isDigest(reference)) await warnIfStillNamed(this.#content, repository, reference, context)
  }

  override async deleteBlob(
    repository: RepositoryName,
    digest: Digest,
    context: RequestContext,
  ): Promise<void> {
    await super.deleteBlob(repository, digest, context)
    await warnIfStillNamed(this.#content, repository, digest, context)
  }
}

/** Warns the client when manifests of the repository still name what it has deleted: as a part, in an index, or as subject. */
async function warnIfStillNamed(
  content: ContentStore,
  repository: RepositoryName,
  digest: Digest,
  context: RequestContext,
): Promise<void> {
  if (!context.warn) return
  let [read, naming] = [0, 0]
  for await (const holder of content.manifests.list(repository)) {
    read += 1
    if (read > MOST_READ)
      return context.warn(`too many manifests to tell whether one of them still names ${digest}`)
    if (await names(content, repository, holder, digest)) naming += 1
  }
  if (naming === 1) context.warn(`a manifest of this repository still names ${digest}`)
  else if (naming > 1) context.warn(`${naming} manifests of this repository still name ${digest}`)
}

async function names(
  content: ContentStore,
  repository: RepositoryName,
  holder: Digest,
  digest: Digest,
): Promise<boolean> {
  const manifest = await readIntact(content, repository, holder)
  const parsed = manifest && tryParse(manifest)
  if (!parsed) return false
  return [...parsed.blobs, ...parsed.manifests, parsed.subject].some((named) => named?.digest === digest)
}
