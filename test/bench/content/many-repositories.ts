// A registry that has been in use for years: many repositories of one small image each, and one with many tags.
import { parseTag } from '../../../src/oci/reference.ts'
import { parseRepositoryName } from '../../../src/oci/repository-name.ts'
import { imageOf } from '../../support/images.ts'
import { known } from '../../support/known.ts'
import { storeImage, storeTag } from './stored-image.ts'

/** Holds as many tags as there are repositories. */
export const TAGGED_REPOSITORY = 'team-a/many-tags'

const LATEST = known(parseTag('latest'))
const AT_ONE_TIME = 16

export async function storeManyRepositories(root: string, count: number): Promise<void> {
  const tagged = { root, repository: known(parseRepositoryName(TAGGED_REPOSITORY)) }
  const shared = imageOf({ seed: TAGGED_REPOSITORY })
  await storeImage(tagged, shared, LATEST)
  const indexes = Array.from({ length: count }, (_, index) => index).values()
  const work = async (): Promise<void> => {
    for (const index of indexes) {
      const digits = String(index).padStart(5, '0')
      const repository = known(parseRepositoryName(`team-a/many/app-${digits}`))
      await storeImage({ root, repository }, imageOf({ seed: `many ${index}` }), LATEST)
      await storeTag(tagged, known(parseTag(`1.0.${digits}`)), shared.manifest.digest)
    }
  }
  await Promise.all(Array.from({ length: AT_ONE_TIME }, work))
}
