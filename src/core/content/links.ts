// Link files: a path that holds nothing but a digest.
import { isDigestAlgorithm, parseDigest, type Digest } from '../../oci/digest.ts'
import { PathNotFoundError, type SmallFile, type StorageDriver } from '../../storage/driver.ts'
import { pathOf } from './layout.ts'

const MAX_LINK_BYTES = 256

/** The digest that the link in `folder` holds; undefined when there is none, or none that makes sense. */
export async function readLink(driver: StorageDriver, folder: string): Promise<Digest | undefined> {
  try {
    const bytes = await driver.readAll(`${folder}/link`, { maxBytes: MAX_LINK_BYTES })
    return parseDigest(bytes.toString('latin1').trim())
  } catch (error) {
    if (error instanceof PathNotFoundError || error instanceof RangeError) return undefined
    throw error
  }
}

/**
 * What {@link readLink} answers for the link of `digest`, for less: as long as a link has the length of that digest, it can
 * hold nothing else, because registry:2 lets only links of other algorithms name another one.
 */
export async function readLinkOf(
  driver: StorageDriver,
  folder: string,
  digest: Digest,
): Promise<Digest | undefined> {
  try {
    const { size } = await driver.stat(`${folder}/link`)
    return size === digest.length ? digest : await readLink(driver, folder)
  } catch (error) {
    if (error instanceof PathNotFoundError) return undefined
    throw error
  }
}

/** Writes the link, unless it stands already: repeated pushes then cost no write. */
export async function writeLink(driver: StorageDriver, folder: string, digest: Digest): Promise<void> {
  const { path, bytes } = linkFile(folder, digest)
  if ((await readLink(driver, folder)) !== digest) await driver.writeAll(path, bytes)
}

/** The file that links `folder` to a digest. */
export function linkFile(folder: string, digest: Digest): SmallFile {
  return { path: `${folder}/link`, bytes: Buffer.from(digest, 'latin1') }
}

/** The digests that have a folder `<algorithm>/<hex>` below `folder`, in byte order. */
export async function* listLinkedDigests(driver: StorageDriver, folder: string): AsyncGenerator<Digest> {
  for await (const algorithm of driver.list(folder)) {
    if (!isDigestAlgorithm(algorithm.name)) continue
    for await (const { name } of driver.list(`${folder}/${algorithm.name}`)) {
      const digest = parseDigest(`${algorithm.name}:${name}`)
      if (digest !== undefined) yield digest
    }
  }
}

/** The folder of one digest's link below `folder`. */
export function linkFolderOf(folder: string, digest: Digest): string {
  return `${folder}/${pathOf(digest)}`
}
