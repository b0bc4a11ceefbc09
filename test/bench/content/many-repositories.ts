// A registry that has been in use for years: many repositories of one small image each, and one with many tags.
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  blobDataPath,
  blobLinkFolder,
  revisionFolder,
  tagCurrentFolder,
  tagIndexFolder,
  pathOf,
} from '../../../src/core/content/layout.ts'
import type { Digest } from '../../../src/oci/digest.ts'
import { parseTag, type Tag } from '../../../src/oci/reference.ts'
import { parseRepositoryName, type RepositoryName } from '../../../src/oci/repository-name.ts'
import { imageOf, type Image } from '../../support/images.ts'
import { known } from '../../support/known.ts'

/** Holds as many tags as there are repositories. */
export const TAGGED_REPOSITORY = 'team-a/many-tags'

const LATEST = known(parseTag('latest'))
const AT_ONE_TIME = 16

/** Writes them as registry:2 lays them out: pushing so many would take minutes. */
export async function writeManyRepositories(root: string, count: number): Promise<void> {
  const tagged = known(parseRepositoryName(TAGGED_REPOSITORY))
  const shared = imageOf({ seed: TAGGED_REPOSITORY })
  await writeImage(root, tagged, shared, LATEST)
  const indexes = Array.from({ length: count }, (_, index) => index).values()
  const work = async (): Promise<void> => {
    for (const index of indexes) {
      const repository = known(parseRepositoryName(`team-a/many/app-${digits(index)}`))
      await writeImage(root, repository, imageOf({ seed: `many ${index}` }), LATEST)
      await writeTag(root, tagged, known(parseTag(`1.0.${digits(index)}`)), shared.manifest.digest)
    }
  }
  await Promise.all(Array.from({ length: AT_ONE_TIME }, work))
}

async function writeImage(root: string, repository: RepositoryName, image: Image, tag: Tag): Promise<void> {
  const { manifest, blobs } = image
  for (const { digest, bytes } of [manifest, ...blobs]) await write(root, blobDataPath(digest), bytes)
  for (const { digest } of blobs) await writeLink(root, blobLinkFolder(repository, digest), digest)
  await writeLink(root, revisionFolder(repository, manifest.digest), manifest.digest)
  await writeTag(root, repository, tag, manifest.digest)
}

async function writeTag(root: string, repository: RepositoryName, tag: Tag, digest: Digest): Promise<void> {
  await writeLink(root, tagCurrentFolder(repository, tag), digest)
  await writeLink(root, `${tagIndexFolder(repository, tag)}/${pathOf(digest)}`, digest)
}

function writeLink(root: string, folder: string, digest: Digest): Promise<void> {
  return write(root, `${folder}/link`, digest)
}

async function write(root: string, path: string, bytes: string | Buffer): Promise<void> {
  const file = join(root, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, bytes)
}

function digits(index: number): string {
  return String(index).padStart(5, '0')
}
