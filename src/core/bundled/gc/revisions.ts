// Manifests as the garbage collector reads them: a doubt about one must never cost a blob.
import { algorithmOf, digestOf, type Digest } from '../../../oci/digest.ts'
import { MAX_MANIFEST_BYTES } from '../../../oci/manifest.ts'
import type { RepositoryName } from '../../../oci/repository-name.ts'
import { PathNotFoundError, type StorageDriver } from '../../../storage/driver.ts'
import { modifiedAt } from '../../../storage/modified-at.ts'
import { blobDataPath, revisionFolder } from '../../content/layout.ts'
import { readLink } from '../../content/links.ts'
import { storedMediaType } from '../../content/stored-media-type.ts'
import { namedDigests, type NamedDigests } from '../../content/named-digests.ts'

/** A manifest that a repository holds. */
export interface Revision {
  readonly digest: Digest
  /** What its bytes lie under. */
  readonly keptUnder: Digest
  /** What it needs; undefined when its bytes are damaged or gone. */
  readonly named: NamedDigests | undefined
}

/** Undefined when the repository holds it no more. */
export async function readRevision(
  driver: StorageDriver,
  repository: RepositoryName,
  digest: Digest,
): Promise<Revision | undefined> {
  const folder = revisionFolder(repository, digest)
  const link = await readLink(driver, folder)
  // A link that makes no sense, as after a power cut, may have been one to the digest it stands under.
  if (link === undefined && (await modifiedAt(driver, `${folder}/link`)) === undefined) return undefined
  const keptUnder = link ?? digest
  return { digest, keptUnder, named: await readNamed(driver, digest, keptUnder) }
}

async function readNamed(
  driver: StorageDriver,
  digest: Digest,
  keptUnder: Digest,
): Promise<NamedDigests | undefined> {
  try {
    const bytes = await driver.readAll(blobDataPath(keptUnder), { maxBytes: MAX_MANIFEST_BYTES })
    if (digestOf(bytes, algorithmOf(digest)) !== digest) return undefined
    return namedDigests(bytes, storedMediaType(bytes))
  } catch (error) {
    if (error instanceof PathNotFoundError || error instanceof RangeError) return undefined
    throw error
  }
}
