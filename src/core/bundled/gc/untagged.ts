// Removes the manifests of one repository that no tag, no index and no subject keeps.
import type { Digest } from '../../../oci/digest.ts'
import type { Tag } from '../../../oci/reference.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import { modifiedAt } from '../../../storage/modified-at.ts'
import { revisionFolder, tagCurrentFolder, tagIndexFolder } from '../../content/layout.ts'
import { linkFolderOf, listLinkedDigests, readLink } from '../../content/links.ts'
import { walkRevisions, walkTags } from '../../content/store-walk.ts'
import { removeManifest } from '../manifest-writes.ts'
import type { GcRun, GcStep } from './gc-run.ts'
import { RevisionGraph } from './revision-graph.ts'
import { readRevision, type Revision } from './revisions.ts'

/** Returns what stays. */
export async function* removeUntagged(
  run: GcRun,
  repository: RepositoryName,
): AsyncGenerator<GcStep, AsyncIterable<Revision>, void> {
  const { graph, unreadable } = await readGraph(run, repository)
  const kept = new Set<Digest>()
  for await (const digest of taggedDigests(run, repository)) graph.keep(digest, kept)
  const isProtected = await run.fence.protectedAmong(
    [...graph.digests()].filter((digest) => !kept.has(digest)),
  )
  for await (const digest of run.pace(graph.digests()))
    if (!kept.has(digest) && (isProtected.has(digest) || (await isYoung(run, repository, digest))))
      graph.keep(digest, kept)
  // Nobody knows what a damaged index keeps.
  if (unreadable.some((digest) => kept.has(digest))) for (const digest of graph.digests()) kept.add(digest)
  yield* removeRest(run, repository, graph, kept)
  return revisionsOf(run, repository, kept)
}

async function readGraph(run: GcRun, repository: RepositoryName) {
  const graph = new RevisionGraph()
  const unreadable: Digest[] = []
  for await (const digest of run.pace(walkRevisions(run.content.driver, repository))) {
    run.signal.throwIfAborted()
    const revision = await readRevision(run.content.driver, repository, digest)
    if (revision === undefined) continue
    run.counts.manifests += 1
    graph.add(digest, revision.named)
    if (revision.named === undefined) unreadable.push(digest)
  }
  return { graph, unreadable }
}

/** What tags point to, and what one pointed to until lately: somebody may still be pulling that by its digest. */
async function* taggedDigests(
  { content: { driver }, cutoff, pace }: GcRun,
  repository: RepositoryName,
): AsyncGenerator<Digest> {
  for await (const tag of pace(walkTags(driver, repository))) {
    const folder = tagCurrentFolder(repository, tag)
    const digest = await readLink(driver, folder)
    if (digest !== undefined) yield digest
    const movedAt = await modifiedAt(driver, `${folder}/link`)
    if (digest === undefined || (movedAt ?? 0) > cutoff)
      yield* listLinkedDigests(driver, tagIndexFolder(repository, tag))
  }
}

async function isYoung(run: GcRun, repository: RepositoryName, digest: Digest): Promise<boolean> {
  const pushedAt = await modifiedAt(run.content.driver, `${revisionFolder(repository, digest)}/link`)
  return (pushedAt ?? 0) > run.cutoff
}

/** An index goes before its manifests: one that a client asks for in the meantime then still has all of them, and stays. */
async function* removeRest(
  run: GcRun,
  repository: RepositoryName,
  graph: RevisionGraph,
  kept: Set<Digest>,
): AsyncGenerator<GcStep, void, void> {
  const rest = graph.rest(kept)
  const histories = run.dryRun ? new Map() : await tagHistories(run, repository, new Set(rest))
  for await (const digest of run.pace(rest)) {
    run.signal.throwIfAborted()
    if (kept.has(digest)) continue
    if (!run.dryRun && !(await remove(run, repository, digest, histories.get(digest) ?? []))) {
      graph.keep(digest, kept)
      continue
    }
    run.counts.removedManifests += 1
    yield { manifest: digest, repository }
  }
}

/** False when somebody counts on it. */
async function remove(
  { content, fence, forget, requireConsent }: GcRun,
  repository: RepositoryName,
  digest: Digest,
  history: readonly Tag[],
): Promise<boolean> {
  const [release] = await fence.take([[digest]])
  if (!release) return false
  try {
    // From here on nobody else tells a client of it: what may be removed now may be removed.
    await requireConsent()
    await removeManifest(content, repository, digest)
    await forget(repository, digest)
    for (const tag of history)
      await content.driver.delete(linkFolderOf(tagIndexFolder(repository, tag), digest))
    return true
  } finally {
    release()
  }
}

/** The tags that once pointed to each of `digests`. */
async function tagHistories(
  { content: { driver }, pace }: GcRun,
  repository: RepositoryName,
  digests: ReadonlySet<Digest>,
): Promise<Map<Digest, Tag[]>> {
  const histories = new Map<Digest, Tag[]>()
  if (digests.size === 0) return histories
  for await (const tag of pace(walkTags(driver, repository)))
    for await (const digest of listLinkedDigests(driver, tagIndexFolder(repository, tag)))
      if (digests.has(digest)) histories.set(digest, [...(histories.get(digest) ?? []), tag])
  return histories
}

/** Read again: what all of them name would not fit into memory. */
async function* revisionsOf(
  { content, pace }: GcRun,
  repository: RepositoryName,
  digests: ReadonlySet<Digest>,
): AsyncGenerator<Revision> {
  for await (const digest of pace(digests)) {
    const revision = await readRevision(content.driver, repository, digest)
    if (revision !== undefined) yield revision
  }
}
