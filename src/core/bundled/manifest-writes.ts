// Pushing and deleting manifests of the bundled registry: what is checked, and in which order it reaches the store.
import { algorithmOf, digestOf, type Digest } from '../../oci/digest.ts'
import { RegistryError } from '../../oci/error.ts'
import { isDistributable, parseManifest, type ParsedManifest } from '../../oci/manifest.ts'
import { isDigest, type Reference, type Tag } from '../../oci/reference.ts'
import type { RepositoryName } from '../../oci/repository-name.ts'
import type { ContentStore } from '../content/content-store.ts'
import { DamagedContentError } from '../content/manifests.ts'
import { storedMediaType } from '../content/stored-media-type.ts'
import type { PushedManifest, PutManifestResult } from '../registry.ts'
import { tryParse } from './referrer-descriptor.ts'
import { keepTagInStep } from './referrer-listing.ts'

/** Keeps a manifest. The order leaves, wherever it is cut off, no tag to a missing manifest and no unlisted referrer. */
export async function putManifest(
  content: ContentStore,
  repository: RepositoryName,
  reference: Reference,
  pushed: PushedManifest,
): Promise<PutManifestResult> {
  const { bytes } = pushed
  const digest = checkedDigest(bytes, reference)
  const parsed = checkedManifest(pushed)
  await requireBlobs(content, repository, parsed)
  const subject = parsed.subject?.digest
  if (subject !== undefined) await content.referrers.add(repository, subject, digest)
  await content.manifests.put(repository, { digest, bytes })
  for (const tag of isDigest(reference) ? (pushed.tags ?? []) : [reference])
    await content.tags.set(repository, tag, digest)
  if (subject !== undefined) await keepTagInStep(content, repository, subject)
  return { digest, ...(subject === undefined ? {} : { subject }) }
}

/** Removes the tags first: a tag never points to a manifest that is gone. Rejects with `MANIFEST_UNKNOWN`. */
export async function deleteManifest(
  content: ContentStore,
  repository: RepositoryName,
  digest: Digest,
): Promise<void> {
  if (!(await content.manifests.has(repository, digest))) throw unknownManifest(digest)
  for await (const tag of content.tags.pointingTo(repository, digest))
    await content.tags.delete(repository, tag)
  await removeManifest(content, repository, digest)
}

/** Removes a manifest that no tag points to. */
export async function removeManifest(
  content: ContentStore,
  repository: RepositoryName,
  digest: Digest,
): Promise<void> {
  const subject = await subjectOf(content, repository, digest)
  await content.manifests.delete(repository, digest)
  if (subject === undefined) return
  await content.referrers.delete(repository, subject, digest)
  await keepTagInStep(content, repository, subject)
}

/** Removes the tag alone; its manifest stays. Rejects with `MANIFEST_UNKNOWN`. */
export async function deleteTag(content: ContentStore, repository: RepositoryName, tag: Tag): Promise<void> {
  if ((await content.tags.resolve(repository, tag)) === undefined) throw unknownManifest(tag)
  await content.tags.delete(repository, tag)
}

export function unknownManifest(reference: Reference): RegistryError {
  return new RegistryError('MANIFEST_UNKNOWN', 'no such manifest in this repository', {
    detail: { reference },
  })
}

function checkedDigest(bytes: Uint8Array, reference: Reference): Digest {
  if (!isDigest(reference)) return digestOf(bytes)
  const digest = digestOf(bytes, algorithmOf(reference))
  if (digest === reference) return digest
  throw new RegistryError('DIGEST_INVALID', 'the manifest does not have the digest', {
    detail: { digest: reference },
  })
}

function checkedManifest({ mediaType, bytes }: PushedManifest): ParsedManifest {
  const parsed = parseManifest(bytes, mediaType)
  // The type is not kept but read out of the bytes: one that cannot be found there would change from push to pull.
  if (storedMediaType(bytes) === parsed.mediaType) return parsed
  throw new RegistryError('MANIFEST_INVALID', `the manifest has no "mediaType": "${parsed.mediaType}"`)
}

/** An index may name manifests that are not here (distribution-spec "Pushing Manifests": sparse indexes); an image may not. */
async function requireBlobs(
  content: ContentStore,
  repository: RepositoryName,
  { blobs }: ParsedManifest,
): Promise<void> {
  const digests = new Set(blobs.filter(isDistributable).map((blob) => blob.digest))
  const missing = await content.blobs.firstMissing(repository, [...digests])
  if (missing !== undefined)
    throw new RegistryError('MANIFEST_BLOB_UNKNOWN', 'the manifest names a blob that was not pushed', {
      detail: { digest: missing },
    })
}

async function subjectOf(
  content: ContentStore,
  repository: RepositoryName,
  digest: Digest,
): Promise<Digest | undefined> {
  try {
    const manifest = await content.manifests.read(repository, digest)
    return manifest && tryParse(manifest)?.subject?.digest
  } catch (error) {
    if (error instanceof DamagedContentError) return undefined // listings leave out what is gone
    throw error
  }
}
