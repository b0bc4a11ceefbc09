// Deletes the blobs that nothing needs, each with the links that still name it.
import { algorithmOf, type Digest } from '../../../oci/digest.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import { PathNotFoundError } from '../../../storage/driver.ts'
import { blobDataPath, blobFolder, blobLinkFolder, blobLinksFolder } from '../../content/layout.ts'
import { listLinkedDigests, readLink } from '../../content/links.ts'
import type { GcRun, GcStep } from './gc-run.ts'
import { walkBlobs, walkRepositories } from '../../content/store-walk.ts'

/** Links are looked for once for so many blobs: it takes a walk over all repositories. */
const BATCH = 20_000
/** Blobs that all processes are asked about at once. */
const ASKED_AT_ONCE = 250

interface Garbage {
  readonly bytes: number
  readonly links: { readonly repository: RepositoryName; readonly digest: Digest }[]
}

type Blob = readonly [Digest, Garbage]

/** To be run when everything that is needed has been marked. */
export async function* sweep(run: GcRun): AsyncGenerator<GcStep, void, void> {
  let batch = new Map<Digest, Garbage>()
  let unasked: Digest[] = []
  let done = 0
  for await (const digest of run.pace(walkBlobs(run.content.driver))) {
    run.signal.throwIfAborted()
    done += 1
    if (run.isTimeToTell()) yield { phase: 'sweep', done, total: run.table.size }
    if (run.table.isGarbage(digest)) unasked.push(digest)
    if (unasked.length < ASKED_AT_ONCE) continue
    await addOld(run, unasked, batch)
    unasked = []
    if (batch.size < BATCH) continue
    yield* deleteAll(run, batch)
    batch = new Map()
  }
  await addOld(run, unasked, batch)
  yield* deleteAll(run, batch)
}

/** Those that nobody counts on, with their size. */
async function addOld(run: GcRun, digests: readonly Digest[], batch: Map<Digest, Garbage>): Promise<void> {
  const isProtected = await run.fence.protectedAmong(digests)
  for await (const digest of run.pace(digests)) {
    const found = await statData(run, digest)
    if (!isProtected.has(digest) && (found?.modifiedAt.getTime() ?? 0) <= run.cutoff)
      batch.set(digest, { bytes: found?.size ?? 0, links: [] })
    else run.counts.waitingBlobs += 1
  }
}

async function statData({ content }: GcRun, digest: Digest) {
  try {
    return await content.driver.stat(blobDataPath(digest))
  } catch (error) {
    if (error instanceof PathNotFoundError) return undefined // an earlier run was killed here
    throw error
  }
}

async function* deleteAll(
  run: GcRun,
  batch: ReadonlyMap<Digest, Garbage>,
): AsyncGenerator<GcStep, void, void> {
  if (!run.dryRun && batch.size > 0) await findLinks(run, batch)
  for await (const some of run.pace(inGroups([...batch], () => run.fence.groupsAtOnce))) {
    // Told when nothing is taken any more: who listens may be slow.
    const removed = run.dryRun ? some : await deleteFree(run, some)
    for (const [digest, { bytes }] of removed) {
      run.counts.removedBlobs += 1
      run.counts.freedBytes += bytes
      yield { blob: digest, bytes }
    }
  }
}

/** `size` is asked for each group: processes come and go. */
function* inGroups<Item>(items: readonly Item[], size: () => number): Generator<readonly Item[]> {
  for (let start = 0; start < items.length;) {
    const group = items.slice(start, start + size())
    start += group.length
    yield group
  }
}

async function findLinks({ content: { driver }, pace, signal }: GcRun, batch: ReadonlyMap<Digest, Garbage>) {
  for await (const repository of walkRepositories(driver)) {
    signal.throwIfAborted()
    for await (const digest of pace(listLinkedDigests(driver, blobLinksFolder(repository)))) {
      // registry:2 lets a sha512 link name the sha256 digest that the bytes lie under.
      const isAlias = !batch.has(digest) && algorithmOf(digest) !== 'sha256'
      const target = isAlias ? await readLink(driver, blobLinkFolder(repository, digest)) : digest
      if (target !== undefined) batch.get(target)?.links.push({ repository, digest })
    }
  }
}

/** Deletes those that nobody counts on, and answers them. */
async function deleteFree(run: GcRun, blobs: readonly Blob[]): Promise<Blob[]> {
  const removed: Blob[] = []
  const groups = blobs.map(([digest, { links }]) => [
    ...new Set([digest, ...links.map((link) => link.digest)]),
  ])
  const releases = await run.fence.take(groups)
  try {
    for (const [place, blob] of blobs.entries()) {
      run.signal.throwIfAborted()
      if (releases[place] === undefined) {
        run.counts.waitingBlobs += 1
        continue
      }
      await run.requireConsent()
      await deleteBlob(run, blob)
      releases[place]()
      removed.push(blob)
    }
    return removed
  } finally {
    for (const release of releases) release?.()
  }
}

/** The links go first: a run that is killed in between leaves none that leads nowhere. */
async function deleteBlob({ content }: GcRun, [digest, { links }]: Blob): Promise<void> {
  for (const link of links) await content.blobs.unlink(link.repository, link.digest)
  await content.driver.delete(blobFolder(digest))
}
