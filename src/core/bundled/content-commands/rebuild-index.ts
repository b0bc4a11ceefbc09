// Derived data made anew from what the store holds: which manifests refer to which.
import type { Digest } from '../../../oci/digest.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import type { ContentStore } from '../../content/content-store.ts'
import { readIntact } from '../index-tree.ts'
import { tryParse } from '../referrer-descriptor.ts'

export interface RebuiltStore {
  readonly content: ContentStore
  /** Runs `work` while no push to the repository and no delete in it runs. */
  readonly alone: <Result>(repository: RepositoryName, work: () => Promise<Result>) => Promise<Result>
}

export interface RebuildReport {
  readonly repositories: number
  readonly manifests: number
  /** Referrers that were not listed, such as those that registry:2 took. */
  readonly added: number
  /** Entries of manifests that are gone, such as those that registry:2 deleted. */
  readonly removed: number
}

const STEP_MS = 250

/** Tells now and then how far it is; ends early when the signal is aborted, and may be run again at any time. */
export async function* rebuildIndex(
  store: RebuiltStore,
  { signal }: { signal?: AbortSignal } = {},
): AsyncGenerator<RebuildReport, RebuildReport, void> {
  const counts = { repositories: 0, manifests: 0, added: 0, removed: 0 }
  let toldAt = performance.now()
  for await (const repository of store.content.repositories.all()) {
    counts.repositories += 1
    for await (const digest of store.content.manifests.list(repository)) {
      if (signal?.aborted) return counts
      counts.manifests += 1
      counts.added += await addReferrer(store.content, repository, digest)
      if (performance.now() - toldAt < STEP_MS) continue
      toldAt = performance.now()
      yield { ...counts }
    }
    counts.removed += await removeStale(store, repository)
  }
  return counts
}

async function addReferrer(
  content: ContentStore,
  repository: RepositoryName,
  digest: Digest,
): Promise<number> {
  const manifest = await readIntact(content, repository, digest)
  const subject = manifest && tryParse(manifest)?.subject?.digest
  if (subject === undefined || (await content.referrers.has(repository, subject, digest))) return 0
  await content.referrers.add(repository, subject, digest)
  return 1
}

async function removeStale({ content, alone }: RebuiltStore, repository: RepositoryName): Promise<number> {
  let removed = 0
  for await (const subject of content.referrers.subjects(repository))
    for await (const digest of content.referrers.list(repository, subject)) {
      if (await content.manifests.has(repository, digest)) continue
      // A push enters the referrer before its manifest: only when none runs is a missing one known to be gone.
      removed += await alone(repository, async () => {
        if (await content.manifests.has(repository, digest)) return 0
        await content.referrers.delete(repository, subject, digest)
        return 1
      })
    }
  return removed
}
