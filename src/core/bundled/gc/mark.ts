// Marks every blob that a manifest of some repository needs.
import { algorithmOf, type Digest } from '../../../oci/digest.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import { blobLinkFolder, blobLinksFolder } from '../../content/layout.ts'
import { listLinkedDigests, readLink } from '../../content/links.ts'
import type { GcRun, GcStep } from './gc-run.ts'
import { readRevision, type Revision } from './revisions.ts'
import { walkRepositories, walkRevisions } from '../../content/store-walk.ts'
import { removeUntagged } from './untagged.ts'

/** On the way, removes the manifests that nothing keeps, where the run is to do that. */
export async function* mark(run: GcRun): AsyncGenerator<GcStep, void, void> {
  for await (const repository of run.pace(walkRepositories(run.content.driver))) {
    run.counts.repositories += 1
    const revisions = run.untagged ? yield* removeUntagged(run, repository) : all(run, repository)
    for await (const revision of run.pace(revisions)) {
      run.signal.throwIfAborted()
      await markRevision(run, repository, revision)
      if (run.isTimeToTell()) yield { phase: 'mark', done: run.table.marked, total: run.table.size }
    }
  }
}

async function* all(run: GcRun, repository: RepositoryName): AsyncGenerator<Revision> {
  for await (const digest of walkRevisions(run.content.driver, repository)) {
    const revision = await readRevision(run.content.driver, repository, digest)
    if (revision === undefined) continue
    run.counts.manifests += 1
    yield revision
  }
}

async function markRevision(
  run: GcRun,
  repository: RepositoryName,
  { digest, keptUnder, named }: Revision,
): Promise<void> {
  run.table.mark(digest)
  run.table.mark(keptUnder)
  if (named === undefined) return markAllBlobs(run, repository)
  for (const each of named.blobs) await markBlob(run, repository, each)
  for (const each of named.manifests) await markBlob(run, repository, each)
}

async function markBlob(
  { content, table }: GcRun,
  repository: RepositoryName,
  digest: Digest,
): Promise<void> {
  table.mark(digest)
  if (algorithmOf(digest) === 'sha256') return
  // registry:2 keeps a sha512 push under its sha256 digest and lets the sha512 link name that one.
  const keptUnder = await readLink(content.driver, blobLinkFolder(repository, digest))
  if (keptUnder !== undefined) table.mark(keptUnder)
}

/** Nobody knows what a damaged manifest needs; pushed again, it is whole again, and so must be what it names. */
async function markAllBlobs(run: GcRun, repository: RepositoryName): Promise<void> {
  for await (const digest of listLinkedDigests(run.content.driver, blobLinksFolder(repository)))
    await markBlob(run, repository, digest)
}
