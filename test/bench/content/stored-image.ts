// Images and blobs as registry:2 lays them out on disk: pushing a few thousand of them would take minutes.
import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import {
  blobDataPath,
  blobLinkFolder,
  pathOf,
  revisionFolder,
  tagCurrentFolder,
  tagIndexFolder,
} from '../../../src/core/content/layout.ts'
import { parseDigest, type Digest } from '../../../src/oci/digest.ts'
import type { Tag } from '../../../src/oci/reference.ts'
import type { RepositoryName } from '../../../src/oci/repository-name.ts'
import type { Image } from '../../support/images.ts'
import { known } from '../../support/known.ts'
import { seededStream } from '../../support/seeded-bytes.ts'
import type { StoredBlob } from './content.ts'

/** A repository in the folder of a registry. */
export interface Place {
  readonly root: string
  readonly repository: RepositoryName
}

export async function storeImage(place: Place, image: Image, tag: Tag): Promise<void> {
  const { root, repository } = place
  const { manifest, blobs } = image
  for (const { digest, bytes } of [manifest, ...blobs]) await write(join(root, blobDataPath(digest)), bytes)
  for (const { digest } of blobs) await writeLink(root, blobLinkFolder(repository, digest), digest)
  await writeLink(root, revisionFolder(repository, manifest.digest), manifest.digest)
  await storeTag(place, tag, manifest.digest)
}

/** The manifest has to be there. */
export async function storeTag({ root, repository }: Place, tag: Tag, digest: Digest): Promise<void> {
  await writeLink(root, tagCurrentFolder(repository, tag), digest)
  await writeLink(root, `${tagIndexFolder(repository, tag)}/${pathOf(digest)}`, digest)
}

/** Bytes that look random; the same ones for the same seed. */
export async function storeBlob(
  { root, repository }: Place,
  size: number,
  seed = `blob of ${size}`,
): Promise<StoredBlob> {
  const [spool, hash] = [join(root, 'spool'), createHash('sha256')]
  await mkdir(root, { recursive: true })
  const hashed = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      hash.update(chunk)
      yield chunk
    }
  }
  await pipeline(seededStream(seed, size), hashed, createWriteStream(spool))
  const digest = known(parseDigest(`sha256:${hash.digest('hex')}`))
  const file = join(root, blobDataPath(digest))
  await mkdir(dirname(file), { recursive: true })
  await rename(spool, file)
  await writeLink(root, blobLinkFolder(repository, digest), digest)
  return { digest, size, file }
}

function writeLink(root: string, folder: string, digest: Digest): Promise<void> {
  return write(join(root, folder, 'link'), digest)
}

async function write(file: string, bytes: string | Buffer): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, bytes)
}
