// Deletes the blobs that nothing needs, each with the links that still name it.
import { algorithmOf, type Digest } from '../../../oci/digest.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import { PathNotFoundError } from '../../../storage/driver.ts'
import { blobDataPath, blobFolder, blobLinkFolder, blobLinksFolder } from '../../content/layout.ts'
import { listLinkedDigests, readLink } from '../../content/links.ts'
import type { GcRun, GcStep } from './gc-run.ts'
import { walkBlobs, walkRepositories } from './store-walk.ts'

/** Links are looked for once for so many blobs: it takes a walk over all repositories. */
const BATCH = 20_000

interface Garbage {
  readonly bytes: number
  readonly links: { readonly repository: RepositoryName; readonly digest: Digest }[]
}

/** To be run when everything that is needed has been marked. */
export async function* sweep(run: GcRun): AsyncGenerator<GcStep, void, void> {
  let batch = new Map<Digest, Garbage>()
  let done = 0
  for await (const digest of walkBlobs(run.content.driver)) {
    run.signal.throwIfAborted()
    done += 1
    if (run.isTimeToTell()) yield { phase: 'sweep', done, total: run.table.size }
    const bytes = run.table.isGarbage(digest) ? await bytesToFree(run, digest) : undefined
    if (bytes !== undefined) batch.set(digest, { bytes, links: [] })
    if (batch.size < BATCH) continue
    yield* deleteAll(run, batch)
    batch = new Map()
  }
  yield* deleteAll(run, batch)
}

/** How large it is, when nobody counts on it. */
async function bytesToFree(run: GcRun, digest: Digest): Promise<number | undefined> {
  const found = await statData(run, digest)
  if (!run.fence.protects(digest) && (found?.modifiedAt.getTime() ?? 0) <= run.cutoff) return found?.size ?? 0
  run.counts.waitingBlobs += 1
  return undefined
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
  for (const [digest, garbage] of batch) {
    run.signal.throwIfAborted()
    if (!run.dryRun && !(await deleteBlob(run, digest, garbage))) {
      run.counts.waitingBlobs += 1
      continue
    }
    run.counts.removedBlobs += 1
    run.counts.freedBytes += garbage.bytes
    yield { blob: digest, bytes: garbage.bytes }
  }
}

async function findLinks({ content: { driver }, signal }: GcRun, batch: ReadonlyMap<Digest, Garbage>) {
  for await (const repository of walkRepositories(driver)) {
    signal.throwIfAborted()
    for await (const digest of listLinkedDigests(driver, blobLinksFolder(repository))) {
      // registry:2 lets a sha512 link name the sha256 digest that the bytes lie under.
      const isAlias = !batch.has(digest) && algorithmOf(digest) !== 'sha256'
      const target = isAlias ? await readLink(driver, blobLinkFolder(repository, digest)) : digest
      if (target !== undefined) batch.get(target)?.links.push({ repository, digest })
    }
  }
}

/** False when somebody counts on it. The links go first: a run that is killed in between leaves none that leads nowhere. */
async function deleteBlob(run: GcRun, digest: Digest, { links }: Garbage): Promise<boolean> {
  const { content, fence } = run
  await run.requireConsent()
  const release = fence.take([...new Set([digest, ...links.map((link) => link.digest)])])
  if (!release) return false
  try {
    for (const link of links) await content.blobs.unlink(link.repository, link.digest)
    await content.driver.delete(blobFolder(digest))
    return true
  } finally {
    release()
  }
}
