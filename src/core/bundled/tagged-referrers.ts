// The index of referrers that clients of registry:2 keep under a tag: read for its entries, and kept in step where it exists.
import type { Descriptor } from '../../oci/descriptor.ts'
import { digestOf, type Digest } from '../../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../../oci/manifest.ts'
import { OCI_INDEX } from '../../oci/media-type.ts'
import { referrersTag } from '../../oci/referrers-tag.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ContentStore } from '../content/content-store.ts'
import { readIntact } from './index-tree.ts'
import { tryParse } from './referrer-descriptor.ts'

/** The manifests that the tagged index names, in byte order; none when there is no such index. */
export async function taggedReferrers(
  content: ContentStore,
  repository: RepositoryName,
  subject: Digest,
): Promise<readonly Digest[] | undefined> {
  const tagged = await content.tags.resolve(repository, referrersTag(subject))
  const manifest = tagged && (await readIntact(content, repository, tagged))
  if (manifest?.mediaType !== OCI_INDEX) return undefined
  return tryParse(manifest)
    ?.manifests.map(({ digest }) => digest)
    .toSorted()
}

/**
 * Writes the tagged index anew out of `referrers`. Clients that see the referrers API do not touch it any more, but those
 * of a registry:2 on the same folder read nothing else. One that would be too large for a manifest stays as it is.
 */
export async function replaceTaggedReferrers(
  content: ContentStore,
  repository: RepositoryName,
  subject: Digest,
  referrers: readonly Descriptor[],
): Promise<void> {
  const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: referrers }
  const bytes = Buffer.from(JSON.stringify(index))
  if (bytes.length > MAX_MANIFEST_BYTES) return
  const digest = digestOf(bytes)
  await content.manifests.put(repository, { digest, bytes })
  await content.tags.set(repository, referrersTag(subject), digest)
}
