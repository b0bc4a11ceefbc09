// Fills the folder that all systems serve.
import { join } from 'node:path'
import { blobDataPath } from '../../../src/core/content/layout.ts'
import { parseTag } from '../../../src/oci/reference.ts'
import { parseRepositoryName } from '../../../src/oci/repository-name.ts'
import { imageOf } from '../../support/images.ts'
import { known } from '../../support/known.ts'
import {
  LAYERED_TAG,
  MANY,
  manifestPath,
  PUBLIC_REPOSITORY,
  REPOSITORY,
  TAG,
  type Content,
  type Needs,
  type StoredBlob,
} from './content.ts'
import { storeManyRepositories } from './many-repositories.ts'
import { storeBlob, storeImage } from './stored-image.ts'

export interface ContentOptions {
  readonly root: string
  readonly needs: readonly Needs[]
  readonly progress: (text: string) => void
}

const MIB = 1024 ** 2

export async function makeContent({ root, needs, progress }: ContentOptions): Promise<Content> {
  // As many layers as usual images have: a manifest of 1.4 KB.
  const image = imageOf({ layers: 6 })
  const layered = imageOf({ seed: 'layered', layers: 20, layerBytes: MIB })
  const place = { root, repository: known(parseRepositoryName(REPOSITORY)) }
  const open = { root, repository: known(parseRepositoryName(PUBLIC_REPOSITORY)) }
  for (const each of [place, open]) await storeImage(each, image, known(parseTag(TAG)))
  await storeImage(place, layered, known(parseTag(LAYERED_TAG)))
  if (needs.some(({ manyRepositories }) => manyRepositories)) {
    progress(`making ${MANY} repositories`)
    await storeManyRepositories(root, MANY)
  }
  const blobs: StoredBlob[] = []
  for (const size of new Set(needs.flatMap(({ blobSizes = [] }) => blobSizes))) {
    progress(`making a blob of ${size >= MIB ? `${size / MIB} MiB` : `${size / 1024} KiB`}`)
    blobs.push(await storeBlob(place, size))
  }
  return {
    root,
    manifest: image.manifest,
    manifestPath: manifestPath(REPOSITORY, TAG),
    manifests: [
      ...[REPOSITORY, PUBLIC_REPOSITORY].flatMap((repository) =>
        [TAG, image.manifest.digest].map((reference) => ({
          path: manifestPath(repository, reference),
          manifest: image.manifest,
        })),
      ),
      { path: manifestPath(REPOSITORY, LAYERED_TAG), manifest: layered.manifest },
    ],
    layered,
    blobs: [
      ...blobs,
      ...layered.blobs.map(({ digest, size }) => ({ digest, size, file: join(root, blobDataPath(digest)) })),
    ],
    blob: (size) => {
      const found = blobs.find((each) => each.size === size)
      if (!found) throw new Error(`no blob of ${size} bytes was made`)
      return found
    },
  }
}
