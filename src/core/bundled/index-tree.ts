// The indexes of a repository: which manifests they hold, and what leads to a manifest through them.
import type { Digest } from '../../oci/digest.ts'
import type { Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ContentStore } from '../content/content-store.ts'
import { DamagedContentError } from '../content/manifests.ts'
import type { Manifest } from '../registry.ts'
import { tryParse } from './referrer-descriptor.ts'

/** Digests of manifests, by the index that names them as its own. */
export type IndexTree = ReadonlyMap<Digest, readonly Digest[]>

/** Reads every manifest of the repository. */
export async function readIndexTree(content: ContentStore, repository: RepositoryName): Promise<IndexTree> {
  const tree = new Map<Digest, readonly Digest[]>()
  for await (const digest of content.manifests.list(repository)) {
    const manifest = await readIntact(content, repository, digest)
    const children = (manifest && tryParse(manifest)?.manifests) ?? []
    if (children.length > 0)
      tree.set(
        digest,
        children.map((child) => child.digest),
      )
  }
  return tree
}

/** The manifests, and every index that holds one of them, also through other indexes. */
export function withIndexesAbove(tree: IndexTree, manifests: Iterable<Digest>): Set<Digest> {
  const found = new Set(manifests)
  // As long as one more is found, the others are looked at again.
  for (let known = -1; known !== found.size;) {
    known = found.size
    for (const [index, children] of tree) if (children.some((child) => found.has(child))) found.add(index)
  }
  return found
}

/** The tags that lead to the manifest: by pointing to it, or to an index that holds it. */
export async function* tagsLeadingTo(
  content: ContentStore,
  repository: RepositoryName,
  digest: Digest,
): AsyncGenerator<Tag> {
  const holders = withIndexesAbove(await readIndexTree(content, repository), [digest])
  for await (const state of content.tags.states(repository)) if (holders.has(state.digest)) yield state.tag
}

/** Undefined when the repository does not hold the manifest, or its bytes are damaged. */
export async function readIntact(
  content: ContentStore,
  repository: RepositoryName,
  digest: Digest,
): Promise<Manifest | undefined> {
  try {
    return await content.manifests.read(repository, digest)
  } catch (error) {
    if (error instanceof DamagedContentError) return undefined
    throw error
  }
}
