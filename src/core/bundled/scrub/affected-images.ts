// Which images are hit when content is damaged or missing.
import type { Digest } from '../../../oci/digest.ts'
import type { Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { ContentStore } from '../../content/content-store.ts'
import { blobLinkFolder, revisionFolder } from '../../content/layout.ts'
import { readLink } from '../../content/links.ts'
import { namedDigests } from '../../content/named-digests.ts'
import { readIntact, withIndexesAbove } from '../index-tree.ts'

/** A repository that holds some of the content. */
export interface AffectedRepository {
  readonly repository: RepositoryName
  /** Manifests that cannot be pulled completely, the indexes of such ones included. */
  readonly manifests: readonly Digest[]
  /** Tags that point to one of these. */
  readonly tags: readonly Tag[]
}

/** Reads the manifests of those repositories alone that hold some of the digests. */
export async function* affectedRepositories(
  content: ContentStore,
  digests: ReadonlySet<Digest>,
): AsyncGenerator<AffectedRepository> {
  for await (const repository of content.repositories.all()) {
    if (!(await holdsSome(content, repository, digests))) continue
    const manifests = await affectedManifests(content, repository, digests)
    const tags: Tag[] = []
    if (manifests.size > 0)
      for await (const { tag, digest } of content.tags.states(repository))
        if (manifests.has(digest)) tags.push(tag)
    yield { repository, manifests: [...manifests], tags }
  }
}

async function holdsSome(
  { driver }: ContentStore,
  repository: RepositoryName,
  digests: ReadonlySet<Digest>,
): Promise<boolean> {
  for (const digest of digests)
    for (const folder of [blobLinkFolder(repository, digest), revisionFolder(repository, digest)])
      if ((await readLink(driver, folder)) !== undefined) return true
  return false
}

async function affectedManifests(
  content: ContentStore,
  repository: RepositoryName,
  digests: ReadonlySet<Digest>,
): Promise<ReadonlySet<Digest>> {
  const affected = new Set<Digest>()
  const tree = new Map<Digest, readonly Digest[]>()
  for await (const digest of content.manifests.list(repository)) {
    const manifest = digests.has(digest) ? undefined : await readIntact(content, repository, digest)
    const named = manifest && namedDigests(manifest.bytes, manifest.mediaType)
    if (!named || named.blobs.some((blob) => digests.has(blob))) affected.add(digest)
    else if (named.manifests.length > 0) tree.set(digest, named.manifests)
  }
  return withIndexesAbove(tree, affected)
}
