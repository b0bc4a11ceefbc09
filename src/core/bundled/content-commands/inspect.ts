// What is known of a repository or of one of its images, for people who want to look before they delete.
import type { Descriptor } from '../../../oci/descriptor.ts'
import type { Digest } from '../../../oci/digest.ts'
import { RegistryError } from '../../../oci/error.ts'
import { isDigest, type Reference, type Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { ContentStore } from '../../content/content-store.ts'
import { blobLinksFolder } from '../../content/layout.ts'
import { listLinkedDigests } from '../../content/links.ts'
import type { Manifest } from '../../registry.ts'
import { readIndexTree, readIntact } from '../index-tree.ts'
import { tryParse } from '../referrer-descriptor.ts'
import { collected } from './collected.ts'
import { platformsOf } from './platforms.ts'

export interface RepositorySummary {
  readonly repository: RepositoryName
  readonly tags: number
  readonly manifests: number
  readonly blobs: number
}

export interface ImageSummary {
  readonly repository: RepositoryName
  readonly digest: Digest
  readonly mediaType: string
  readonly artifactType?: string
  /** Bytes of the manifest and of all that it names and this repository holds, each blob once. */
  readonly size: number
  readonly platforms: readonly string[]
  /** An image's config and layers; an index's manifests. */
  readonly parts: readonly ImagePart[]
  readonly subject?: Digest
  readonly referrers: readonly Referrer[]
  /** Tags that point to it. */
  readonly tags: readonly Tag[]
  /** Indexes that hold it. */
  readonly indexes: readonly Digest[]
}

export interface ImagePart {
  readonly digest: Digest
  readonly mediaType: string
  /** Bytes, as the manifest says. */
  readonly size: number
  /** Whether the repository holds it. */
  readonly present: boolean
}

export interface Referrer {
  readonly digest: Digest
  readonly artifactType?: string
}

/** Rejects with `NAME_UNKNOWN`. */
export async function summarizeRepository(
  content: ContentStore,
  repository: RepositoryName,
): Promise<RepositorySummary> {
  await requireRepository(content, repository)
  return {
    repository,
    tags: (await content.tags.list(repository, { limit: Infinity })).items.length,
    manifests: await countOf(content.manifests.list(repository)),
    blobs: await countOf(listLinkedDigests(content.driver, blobLinksFolder(repository))),
  }
}

/** Rejects with `NAME_UNKNOWN` or `MANIFEST_UNKNOWN`. */
export async function inspectImage(
  content: ContentStore,
  repository: RepositoryName,
  reference: Reference,
): Promise<ImageSummary> {
  const manifest = await findManifest(content, repository, reference)
  const { digest, mediaType } = manifest
  const parsed = tryParse(manifest)
  const named = [...(parsed?.blobs ?? []), ...(parsed?.manifests ?? [])]
  const parts = await Promise.all(named.map((part) => inspectPart(content, repository, part)))
  return {
    repository,
    digest,
    mediaType,
    ...(parsed?.artifactType === undefined ? {} : { artifactType: parsed.artifactType }),
    size: await totalSize(content, repository, manifest),
    platforms: await platformsOf(content, manifest, parsed),
    parts,
    ...(parsed?.subject === undefined ? {} : { subject: parsed.subject.digest }),
    referrers: await referrersOf(content, repository, digest),
    tags: await collected(content.tags.pointingTo(repository, digest)),
    indexes: [...(await readIndexTree(content, repository))].flatMap(([index, children]) =>
      children.includes(digest) ? [index] : [],
    ),
  }
}

/** Rejects with `NAME_UNKNOWN` or `MANIFEST_UNKNOWN`. */
export async function findManifest(
  content: ContentStore,
  repository: RepositoryName,
  reference: Reference,
): Promise<Manifest> {
  await requireRepository(content, repository)
  const digest = isDigest(reference) ? reference : await content.tags.resolve(repository, reference)
  const manifest = digest && (await content.manifests.read(repository, digest))
  if (manifest) return manifest
  throw new RegistryError('MANIFEST_UNKNOWN', `${repository} holds no manifest ${reference}`)
}

/** The manifests of the repository whose subject it is. */
export async function referrersOf(
  content: ContentStore,
  repository: RepositoryName,
  subject: Digest,
): Promise<Referrer[]> {
  const found: Referrer[] = []
  for await (const digest of content.referrers.list(repository, subject)) {
    const manifest = await readIntact(content, repository, digest)
    const parsed = manifest && tryParse(manifest)
    if (parsed?.subject?.digest !== subject) continue
    const artifactType = parsed.artifactType ?? parsed.blobs[0]?.mediaType
    found.push({ digest, ...(artifactType === undefined ? {} : { artifactType }) })
  }
  return found
}

export async function requireRepository(content: ContentStore, repository: RepositoryName): Promise<void> {
  if (!(await content.repositories.has(repository)))
    throw new RegistryError('NAME_UNKNOWN', `there is no repository ${repository}`)
}

async function inspectPart(
  content: ContentStore,
  repository: RepositoryName,
  { digest, mediaType, size }: Descriptor,
): Promise<ImagePart> {
  const found =
    (await content.blobs.find(repository, digest)) ?? (await content.manifests.has(repository, digest))
  return { digest, mediaType, size, present: found !== false }
}

async function totalSize(content: ContentStore, repository: RepositoryName, root: Manifest): Promise<number> {
  const sizes = new Map<Digest, number>()
  const add = async (manifest: Manifest): Promise<void> => {
    sizes.set(manifest.digest, manifest.bytes.length)
    const parsed = tryParse(manifest)
    for (const { digest } of parsed?.blobs ?? [])
      sizes.set(digest, (await content.blobs.find(repository, digest))?.size ?? 0)
    for (const { digest } of parsed?.manifests ?? []) {
      if (sizes.has(digest)) continue
      const child = await readIntact(content, repository, digest)
      if (child) await add(child)
    }
  }
  await add(root)
  return [...sizes.values()].reduce((sum, size) => sum + size, 0)
}

async function countOf(items: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const _ of items) count += 1
  return count
}
