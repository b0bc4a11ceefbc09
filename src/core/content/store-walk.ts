// Walks over what lies on a store: read from the folders themselves, never from an index that could be behind.
import { isDigestAlgorithm, parseDigest, type Digest } from '../../oci/digest.ts'
import { parseTag, type Tag } from '../../oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../oci/repository-name.ts'
import type { StorageDriver } from '../../storage/driver.ts'
import {
  BLOBS_COMPONENT,
  BLOBS_FOLDER,
  MANIFESTS_COMPONENT,
  REPOSITORIES_FOLDER,
  revisionsFolder,
  tagsFolder,
} from './layout.ts'

/** There is something that this version cannot read: deleting what it might need would be a guess. */
export class UnknownContentError extends Error {
  override readonly name = 'UnknownContentError'
  readonly code = 'UNKNOWN_CONTENT'
  constructor(path: string) {
    super(
      `${path} is nothing that this version knows, so nothing is removed: move it away if it is not needed`,
    )
  }
}

/** Every blob that has a folder, manifests among them. */
export async function* walkBlobs(driver: StorageDriver): AsyncGenerator<Digest> {
  for await (const algorithm of driver.list(BLOBS_FOLDER)) {
    if (!isDigestAlgorithm(algorithm.name)) continue
    for await (const prefix of driver.list(`${BLOBS_FOLDER}/${algorithm.name}`))
      for await (const { name } of driver.list(`${BLOBS_FOLDER}/${algorithm.name}/${prefix.name}`)) {
        const digest = name.startsWith(prefix.name) ? parseDigest(`${algorithm.name}:${name}`) : undefined
        if (digest !== undefined) yield digest
      }
  }
}

/** A repository in the making, whose blobs wait for a manifest, is one here too. */
export async function* walkRepositories(driver: StorageDriver, name = ''): AsyncGenerator<RepositoryName> {
  const folder = name === '' ? REPOSITORIES_FOLDER : `${REPOSITORIES_FOLDER}/${name}`
  const children: string[] = []
  let holdsContent = false
  for await (const entry of driver.list(folder)) {
    if (entry.name === MANIFESTS_COMPONENT || entry.name === BLOBS_COMPONENT) holdsContent = true
    // Not only what calls itself a folder: registry:2 follows links to folders on other disks.
    else if (!entry.name.startsWith('_')) children.push(entry.name)
  }
  if (holdsContent) {
    const repository = parseRepositoryName(name)
    if (repository === undefined) throw new UnknownContentError(folder)
    yield repository
  }
  for (const child of children) yield* walkRepositories(driver, name === '' ? child : `${name}/${child}`)
}

/** Every manifest that the repository holds or held: where one was deleted, registry:2 leaves its folder. */
export async function* walkRevisions(
  driver: StorageDriver,
  repository: RepositoryName,
): AsyncGenerator<Digest> {
  const folder = revisionsFolder(repository)
  for await (const algorithm of driver.list(folder)) {
    if (!isDigestAlgorithm(algorithm.name)) throw new UnknownContentError(`${folder}/${algorithm.name}`)
    for await (const { name } of driver.list(`${folder}/${algorithm.name}`)) {
      const digest = parseDigest(`${algorithm.name}:${name}`)
      if (digest !== undefined) yield digest
    }
  }
}

export async function* walkTags(driver: StorageDriver, repository: RepositoryName): AsyncGenerator<Tag> {
  for await (const { name } of driver.list(tagsFolder(repository))) {
    const tag = parseTag(name)
    if (tag !== undefined) yield tag
  }
}
