// Takes content off the store of a mirror: links first, bytes last, so that a process that is killed leaves nothing wrong.
import type { Digest } from '../../../oci/digest.ts'
import type { ContentStore } from '../../content/content-store.ts'
import { blobFolder, blobLinksFolder, deliveriesFolder } from '../../content/layout.ts'
import { listLinkedDigests } from '../../content/links.ts'
import type { PullTimes } from '../../content/pull-times.ts'
import { walkRepositories } from '../../content/store-walk.ts'
import type { EvictionPlan } from './eviction-plan.ts'
import { neededSince, type Survey, type SurveyedManifest } from './survey.ts'

export interface EvictOptions {
  readonly content: ContentStore
  readonly pulls: PullTimes
  /** Which of them clients read at this moment, in whatever process. */
  readonly inUse: (digests: readonly Digest[]) => Promise<ReadonlySet<Digest>>
  /** Told before the bytes go: nobody is to be shown the manifests any more. */
  readonly onEvict: (manifests: readonly SurveyedManifest[]) => void
  readonly signal: AbortSignal
}

export interface Evicted {
  readonly manifests: number
  readonly bytes: number
}

/** Blobs that are asked about at once. */
const BATCH = 500

export async function evict(
  plan: EvictionPlan,
  survey: Survey,
  { content, pulls, inUse, onEvict, signal }: EvictOptions,
): Promise<Evicted> {
  const gone: SurveyedManifest[] = []
  const kept: SurveyedManifest[] = []
  for (const manifest of plan.manifests) {
    signal.throwIfAborted()
    ;((await evictManifest(manifest, content, pulls)) ? gone : kept).push(manifest)
  }
  onEvict(gone)
  const needed = await neededSince(survey, content)
  for (const { needs } of kept) for (const digest of needs) needed.add(digest)
  const blobs = plan.blobs.filter((digest) => !needed.has(digest))
  let bytes = 0
  for (let start = 0; start < blobs.length; start += BATCH) {
    signal.throwIfAborted()
    const batch = blobs.slice(start, start + BATCH)
    const using = await inUse(batch)
    const free = batch.filter((digest) => !using.has(digest))
    await unlink(new Set(free), content)
    for (const digest of free) {
      await removeBytes(digest, content)
      bytes += survey.blobs.get(digest)?.size ?? 0
    }
  }
  return { manifests: gone.length, bytes }
}

/** False when it was used, or a tag was moved, since it was looked at. */
async function evictManifest(
  { repository, digest, tags, usedAt }: SurveyedManifest,
  content: ContentStore,
  pulls: PullTimes,
): Promise<boolean> {
  const references = [digest, ...tags.map(({ tag }) => tag)]
  if (references.some((reference) => pulls.isNotedSince(repository, reference, usedAt))) return false
  for (const state of tags) if (!(await content.tags.deleteUnchanged(repository, state))) return false
  await content.manifests.delete(repository, digest)
  for (const reference of references) await pulls.remove(repository, reference)
  return true
}

async function unlink(digests: ReadonlySet<Digest>, content: ContentStore): Promise<void> {
  for await (const repository of walkRepositories(content.driver))
    for await (const digest of listLinkedDigests(content.driver, blobLinksFolder(repository)))
      if (digests.has(digest)) await content.blobs.unlink(repository, digest)
}

async function removeBytes(digest: Digest, content: ContentStore): Promise<void> {
  await content.blobs.alone(digest, async () => {
    await content.driver.delete(blobFolder(digest), { durable: false })
    await content.driver.delete(deliveriesFolder(digest), { durable: false })
  })
}
